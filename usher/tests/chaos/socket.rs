//! Socket: a visitor's way into a node, by a WebSocket library that is not ours. Everything that
//! comes is written down.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use protocol::position::Position;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    log::{Log, What, digest},
    payload::{LAST, Payload},
};

/// How long a handshake may take before somebody tries elsewhere.
const HANDSHAKE: Duration = Duration::from_secs(6);

/// A socket that was answered.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) number: u64,
    log: Log,
    stream: WebSocketStream<TcpStream>,
}

/// What comes.
#[derive(Debug)]
pub(crate) enum Came {
    Welcome {
        session: String,
        token: String,
        position: Position,
    },
    /// A message or a gap; everything up to there has come.
    Reached(Position),
    /// The last message of a publisher.
    Last(Position),
    /// An answer to what was sent under this number.
    Reply(u64, Value),
    /// Something that changes nothing.
    Other,
    Ping,
    /// The socket is about to be closed; when to come back.
    Closing(Duration),
    /// It is over; with a close code if one was said.
    Over(Option<u16>),
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    position: Option<Position>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    replayed: bool,
    #[serde(default)]
    echo: bool,
    session: Option<String>,
    user: Option<String>,
    node: Option<String>,
    resume: Option<String>,
    #[serde(default)]
    resumed: bool,
    after: Option<Position>,
    until: Option<Position>,
    reason: Option<String>,
    code: Option<u16>,
    retry_ms: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    error: Option<Value>,
}

impl Socket {
    /// Opens one that offers this; `None` if that fails.
    pub(crate) async fn dial(
        number: u64,
        log: &Log,
        address: SocketAddr,
        offer: &str,
        origin: Option<&str>,
    ) -> Option<Self> {
        let opened = timeout(HANDSHAKE, open(address, offer, origin)).await.ok().flatten();
        if opened.is_none() {
            log.write(What::Closed { socket: number, code: None, ours: false });
        }
        opened.map(|stream| Self { number, log: log.clone(), stream })
    }

    /// The next thing that comes. May be given up at any time.
    pub(crate) async fn next(&mut self) -> Came {
        let code = match self.stream.next().await {
            Some(Ok(Message::Text(text))) => return self.read(text.as_str()),
            Some(Ok(Message::Close(close))) => {
                Some(close.map_or(1005, |close| u16::from(close.code)))
            }
            Some(Ok(_)) => return Came::Other,
            Some(Err(_)) | None => None,
        };
        self.write(What::Closed { socket: self.number, code, ours: false });
        Came::Over(code)
    }

    /// Sends a frame; whether the socket took it in time.
    pub(crate) async fn say(&mut self, frame: &Value) -> bool {
        let sent = self.stream.send(Message::text(frame.to_string()));
        timeout(Duration::from_secs(2), sent).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Says goodbye with a code.
    pub(crate) async fn close(&mut self, code: u16) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::from(code),
            reason: "".into(),
        };
        let closed = self.stream.close(Some(frame));
        timeout(Duration::from_secs(2), closed).await.ok();
    }

    /// Ends what is said; what comes can still be read.
    pub(crate) fn half_close(&mut self) {
        let stream = socket2::SockRef::from(self.stream.get_ref());
        stream.shutdown(std::net::Shutdown::Write).ok();
    }

    /// Lets go of it, by a reset if so.
    pub(crate) fn drop_it(self, resets: bool) {
        if resets {
            self.stream.get_ref().set_zero_linger().ok();
        }
        self.write(What::Closed { socket: self.number, code: None, ours: true });
    }

    fn write(&self, what: What) {
        self.log.write(what);
    }

    fn read(&self, text: &str) -> Came {
        let strange = || {
            let text = text.chars().take(300).collect();
            self.write(What::Strange { socket: self.number, text });
            Came::Other
        };
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return strange() };
        let socket = self.number;
        match frame.kind.as_str() {
            "welcome" => self.welcome(frame).unwrap_or_else(strange),
            "message" => {
                let data = frame.data.map_or("", RawValue::get);
                let Ok(payload) = serde_json::from_str::<Payload>(data) else { return strange() };
                // An echo says whom it was for; anything else is for who gets it.
                let to = payload.to.clone();
                self.write(What::Message {
                    socket,
                    id: frame.id.unwrap_or_default(),
                    position: frame.position,
                    name: payload.name(),
                    to,
                    digest: digest(data.as_bytes()),
                    replayed: frame.replayed,
                    echo: frame.echo,
                });
                match frame.position {
                    Some(position) if payload.n >= LAST => Came::Last(position),
                    Some(position) => Came::Reached(position),
                    None => Came::Other,
                }
            }
            "gap" => {
                let (Some(after), Some(until)) = (frame.after, frame.until) else {
                    return strange();
                };
                let reason = frame.reason.unwrap_or_default();
                self.write(What::Gap { socket, after, until, reason });
                Came::Reached(until)
            }
            "caught_up" => {
                let Some(position) = frame.position else { return strange() };
                self.write(What::CaughtUp { socket, position });
                Came::Other
            }
            "closing" => {
                let code = frame.code.unwrap_or_default();
                self.write(What::Closing { socket, code, retry_ms: frame.retry_ms });
                Came::Closing(Duration::from_millis(frame.retry_ms.unwrap_or_default()))
            }
            "reply" => {
                let number = frame.reference.as_deref().and_then(|text| text.parse().ok());
                let error = frame.error.unwrap_or(Value::Null);
                number.map_or(Came::Other, |number| Came::Reply(number, error))
            }
            "ping" => Came::Ping,
            _ => Came::Other,
        }
    }

    fn welcome(&self, frame: Frame<'_>) -> Option<Came> {
        let (session, token) = (frame.session?, frame.resume?);
        let position = frame.position?;
        self.write(What::Welcome {
            socket: self.number,
            session: session.clone(),
            user: frame.user.unwrap_or_default(),
            node: frame.node.unwrap_or_default(),
            resumed: frame.resumed,
            position,
            token: digest(token.as_bytes()),
        });
        Some(Came::Welcome { session, token, position })
    }
}

async fn open(
    address: SocketAddr,
    offer: &str,
    origin: Option<&str>,
) -> Option<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let mut request = format!("ws://{address}/v1/connect").into_client_request().ok()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_str(offer).ok()?);
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_str(origin).ok()?);
    }
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let opened = client_async_with_config(request, stream, Some(config)).await;
    opened.ok().map(|(stream, _)| stream)
}
