//! Crowd: many sessions at once, by a WebSocket library that is not ours.

use std::{future::Future, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
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

use crate::program::PATIENCE;

/// A member's share of memory should be small, as there are many.
const BUFFER_BYTES: usize = 4096;

/// Whether this process may have so many sockets.
#[expect(clippy::print_stdout, reason = "who skips a test says so")]
pub(crate) fn has_descriptors(count: u64) -> bool {
    let may_have = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_default();
    let enough = may_have > count + 500;
    if !enough {
        println!("SKIPPED: too few descriptors ({may_have})");
    }
    enough
}

/// Threads for a crowd.
pub(crate) fn threads() -> tokio::runtime::Runtime {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    threads.expect("there are threads")
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// What came.
#[derive(Debug)]
pub(crate) enum Came {
    Frame(Value),
    /// With a close frame.
    Close(u16),
    /// Without one.
    End,
}

/// A socket that offered something, and what comes of it.
#[derive(Debug)]
pub(crate) struct Member {
    socket: WebSocketStream<TcpStream>,
}

/// A member that was welcomed.
#[derive(Debug)]
pub(crate) struct Welcomed {
    pub(crate) member: Member,
    pub(crate) session: String,
    pub(crate) token: String,
    pub(crate) position: String,
}

impl Member {
    /// Opens a socket that offers this.
    pub(crate) async fn dial(address: SocketAddr, offer: &str) -> Self {
        let stream = soon("a socket", TcpStream::connect(address)).await.expect("it is let in");
        Self::over(stream, address, offer).await
    }

    /// The same over a socket that takes little before it has to be read.
    pub(crate) async fn narrow(address: SocketAddr, offer: &str) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("there are sockets");
        socket.set_recv_buffer_size(BUFFER_BYTES).expect("it can be small");
        socket.connect(&address.into()).expect("it is let in");
        socket.set_nonblocking(true).expect("it need not block");
        let stream = TcpStream::from_std(socket.into()).expect("it can be watched");
        Self::over(stream, address, offer).await
    }

    async fn over(stream: TcpStream, address: SocketAddr, offer: &str) -> Self {
        let url = format!("ws://{address}/v1/connect");
        let mut request = url.into_client_request().expect("it is a URL");
        let offer = HeaderValue::from_str(offer).expect("it is visible");
        request.headers_mut().insert("sec-websocket-protocol", offer);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        let opened = client_async_with_config(request, stream, Some(config));
        let (socket, _) = soon("an answer", opened).await.expect("the handshake is answered");
        Self { socket }
    }

    /// The next thing that comes.
    pub(crate) async fn next(&mut self) -> Came {
        soon("a frame", self.wait()).await
    }

    async fn wait(&mut self) -> Came {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                Came::Frame(serde_json::from_str(text.as_str()).expect("frames are JSON"))
            }
            Some(Ok(Message::Close(close))) => {
                let code = close.map_or(CloseCode::Status, |close| close.code);
                // Reads on, so that the answer leaves.
                while let Some(Ok(_)) = self.socket.next().await {}
                Came::Close(code.into())
            }
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Came::End,
        }
    }

    /// The next thing that comes, which must be a frame of this type.
    pub(crate) async fn typed(&mut self, kind: &str) -> Value {
        match self.next().await {
            Came::Frame(frame) if frame["type"] == kind => frame,
            other => panic!("{kind} was to come, not {other:?}"),
        }
    }

    /// The next thing that comes, which must be a close with this code.
    pub(crate) async fn closed_with(&mut self, code: u16) {
        match self.next().await {
            Came::Close(told) if told == code => {}
            other => panic!("{code} was to come, not {other:?}"),
        }
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: &Value) {
        let sent = self.socket.send(Message::text(frame.to_string()));
        soon("a socket that takes a frame", sent).await.expect("it is open");
    }
}

impl Welcomed {
    /// Opens a socket that offers this, and is welcomed.
    pub(crate) async fn dial(address: SocketAddr, offer: &str) -> Self {
        Self::of(Member::dial(address, offer).await).await
    }

    /// Waits for the `welcome`.
    pub(crate) async fn of(mut member: Member) -> Self {
        let welcome = member.typed("welcome").await;
        let text = |name: &str| welcome[name].as_str().expect("a text").to_owned();
        let (session, token) = (text("session"), text("resume"));
        Self { session, token, position: text("position"), member }
    }

    /// What to offer to come back.
    pub(crate) fn resume(&self) -> String {
        format!("usher.v1, resume.{}, after.{}", self.token, self.position)
    }

    /// Says goodbye, and waits for the answer.
    pub(crate) async fn leave(mut self) {
        self.member.send(&serde_json::json!({"type": "leave"})).await;
        loop {
            match self.member.next().await {
                Came::Frame(_) => {}
                Came::Close(1000) => return,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// As many members as there are offers, some at a time.
pub(crate) async fn gather(address: SocketAddr, offers: Vec<String>) -> Vec<Welcomed> {
    const AT_ONCE: usize = 64;
    let mut crowd = Vec::with_capacity(offers.len());
    for part in offers.chunks(AT_ONCE) {
        let mut arriving = tokio::task::JoinSet::new();
        for offer in part {
            let offer = offer.clone();
            arriving.spawn(async move { Welcomed::dial(address, &offer).await });
        }
        while let Some(welcomed) = arriving.join_next().await {
            crowd.push(welcomed.expect("all are welcomed"));
        }
    }
    crowd
}

/// Lets others go on, for as long as nothing is to be seen.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
