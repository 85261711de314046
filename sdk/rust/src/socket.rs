//! Socket: one WebSocket to a node, from dialing to its end.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Sink, Stream};
use protocol::CONNECT_PATH;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderValue, Uri, header},
        protocol::WebSocketConfig,
    },
};

use crate::machine::{Input, Proof};

/// Bytes of the buffers of one socket: frames are small, and sessions may be many.
const BUFFER_BYTES: usize = 8 * 1024;

/// Bytes of one frame from the server. Its messages have at most some tens of KiB; what is much
/// more is no message.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Frames that wait to be written before nothing is read any more. All sends fit.
const UNWRITTEN_MAX: usize = 128;

/// How long one of several addresses of a host is tried.
const ADDRESS_MAX: Duration = Duration::from_secs(3);

/// What bytes go over, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    uri: Uri,
    encrypted: bool,
    host: String,
    port: u16,
}

impl Address {
    /// Reads `ws://` and `wss://` addresses. Without a path it is Usher's own.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().or(Err("is no URL"))?;
        let encrypted = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err("must begin with ws:// or wss://"),
        };
        let host = uri.host().ok_or("has no host")?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let uri = match uri.path_and_query().map(|path| path.as_str()) {
            None | Some("" | "/") => {
                let mut parts = uri.into_parts();
                parts.path_and_query = Some(CONNECT_PATH.parse().or(Err("is no URL"))?);
                Uri::from_parts(parts).or(Err("is no URL"))?
            }
            Some(_) => uri,
        };
        Ok(Self { uri, encrypted, host, port })
    }
}

/// Why there is no socket.
#[derive(Debug)]
pub(crate) struct NotOpened {
    why: String,
    /// When to come back, if the server said so.
    retry: Option<Duration>,
}

impl NotOpened {
    fn new(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), retry: None }
    }
}

impl From<NotOpened> for Input {
    fn from(not: NotOpened) -> Self {
        Self::NotOpened(not.why, not.retry)
    }
}

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<Box<dyn Wire>>,
    unwritten: VecDeque<String>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("unwritten", &self.unwritten.len()).finish_non_exhaustive()
    }
}

impl Socket {
    /// Opens one.
    pub(crate) async fn dial(
        url: String,
        proof: Proof,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, NotOpened> {
        let address = Address::parse(&url).map_err(|why| NotOpened::new(format!("{url} {why}")))?;
        let request = request(&address, &proof)?;
        let tcp = tcp(&address)
            .await
            .map_err(|e| NotOpened::new(format!("{}:{}: {e}", address.host, address.port)))?;
        // Frames are small and wanted at once. Where the system refuses, they come a bit later.
        tcp.set_nodelay(true).ok();
        let wire: Box<dyn Wire> = match address.encrypted {
            false => Box::new(tcp),
            true => {
                let name = ServerName::try_from(address.host).map_err(NotOpened::new)?;
                let stream = TlsConnector::from(tls).connect(name, tcp).await;
                Box::new(stream.map_err(|e| NotOpened::new(format!("TLS: {e}")))?)
            }
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        match client_async_with_config(request, wire, Some(config)).await {
            Ok((stream, _)) => Ok(Self { stream, unwritten: VecDeque::new() }),
            Err(tungstenite::Error::Http(response)) => {
                let retry = response.headers().get(header::RETRY_AFTER);
                let seconds = retry.and_then(|value| value.to_str().ok()?.parse().ok());
                let why = format!("the server answered {}", response.status());
                Err(NotOpened { why, retry: seconds.map(Duration::from_secs) })
            }
            Err(error) => Err(NotOpened::new(error)),
        }
    }

    /// A frame to be written, when the socket takes it.
    pub(crate) fn write(&mut self, frame: String) {
        self.unwritten.push_back(frame);
    }

    /// Whether it takes what the app has to say beyond its sends.
    pub(crate) fn has_room(&self) -> bool {
        self.unwritten.len() <= UNWRITTEN_MAX
    }

    /// The next thing that happens. Writes on meanwhile, and reads if `reading` says so.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, reading: Reading) -> Poll<Input> {
        if let Err(error) = self.write_on(cx) {
            return Poll::Ready(lost(&error));
        }
        if reading == Reading::Stalled || !self.has_room() {
            return Poll::Pending;
        }
        let message = ready!(std::pin::Pin::new(&mut self.stream).poll_next(cx));
        Poll::Ready(match message {
            Some(Ok(Message::Text(text))) => Input::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(close))) => {
                // The answer is written when the stream is asked for more.
                self.write_on(cx).ok();
                match close {
                    Some(close) => Input::Closed(close.code.into(), close.reason.to_string()),
                    None => Input::Closed(1005, String::new()),
                }
            }
            Some(Ok(_)) => Input::Life,
            Some(Err(error)) => lost(&error),
            None => Input::Lost("it was closed without a word".to_owned()),
        })
    }

    fn write_on(&mut self, cx: &mut Context<'_>) -> Result<(), tungstenite::Error> {
        let mut stream = std::pin::Pin::new(&mut self.stream);
        while !self.unwritten.is_empty() {
            match stream.as_mut().poll_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            }
            if let Some(frame) = self.unwritten.pop_front() {
                stream.as_mut().start_send(Message::text(frame))?;
            }
        }
        match stream.poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    /// Writes what the socket takes at once, and drops it.
    pub(crate) fn hang_up(mut self) {
        // Best effort: nobody waits for what is lost here.
        self.write_on(&mut Context::from_waker(std::task::Waker::noop())).ok();
    }
}

/// Whether something is read from a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is.
    Flowing,
    /// It is not: the app has no room for more.
    Stalled,
}

fn lost(error: &tungstenite::Error) -> Input {
    Input::Lost(error.to_string())
}

fn request(address: &Address, proof: &Proof) -> Result<Request, NotOpened> {
    let mut request = address.uri.clone().into_client_request().map_err(NotOpened::new)?;
    let mut protocols = HeaderValue::from_str(&proof.to_string()).map_err(NotOpened::new)?;
    protocols.set_sensitive(true);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocols);
    Ok(request)
}

/// A stream to any of a host's addresses, in their order.
async fn tcp(address: &Address) -> io::Result<TcpStream> {
    let found: Vec<_> = lookup_host((address.host.as_str(), address.port)).await?.collect();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for one in &found {
        // The last one may take all the time that is left.
        let connect = TcpStream::connect(one);
        let connected = match Some(one) == found.last() {
            true => connect.await,
            false => timeout(ADDRESS_MAX, connect).await.unwrap_or_else(|late| Err(late.into())),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests;
