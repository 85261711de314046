//! Peer: the other end of a session's socket, frame by frame.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    call::{Caller, Response, Stream},
    frame::{self, Frame},
    node::{soon, text},
};

/// The key of the example in RFC 6455, section 1.3.
pub(crate) const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A handshake's head, with these headers besides the usual ones.
pub(crate) fn handshake(query: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "GET /v1/connect{query} HTTP/1.1\r\nHost: usher\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n"
    );
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    /// What came and was not looked at yet.
    came: Vec<u8>,
    /// The answer to the handshake.
    pub(crate) opened: Response,
}

impl Peer {
    /// Opens a WebSocket, or tells the answer that refused it.
    pub(crate) async fn dial(
        address: SocketAddr,
        headers: &[(&str, &str)],
        query: &str,
    ) -> Result<Self, Response> {
        Self::over(Caller::open(address).await, &handshake(query, headers), &[]).await
    }

    /// Goes away without a word: RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(self.stream);
    }
}

impl<S: Stream> Peer<S> {
    /// The same over a socket that is there, with bytes that follow in the same packet.
    pub(crate) async fn over(
        mut caller: Caller<S>,
        handshake: &str,
        early: &[u8],
    ) -> Result<Self, Response> {
        caller.write(&[handshake.as_bytes(), early].concat()).await;
        Self::answered(caller).await
    }

    /// A socket on which a handshake was written, when its answer is there.
    pub(crate) async fn answered(mut caller: Caller<S>) -> Result<Self, Response> {
        let opened = caller.response().await;
        if opened.status != 101 {
            caller.closed().await;
            return Err(opened);
        }
        let accept = format!("{NONCE}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept = STANDARD.encode(Sha1::digest(accept));
        assert_eq!(opened.header("sec-websocket-accept"), Some(accept.as_str()));
        assert_eq!(opened.header("upgrade"), Some("websocket"));
        assert!(opened.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
        assert_eq!(opened.header("sec-websocket-extensions"), None);
        let (stream, came) = caller.into_parts();
        Ok(Self { stream, came, opened })
    }

    /// Writes bytes as they are. A peer that has closed by then may have said why before.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
        self.stream.flush().await.ok();
    }

    /// Writes a frame.
    pub(crate) async fn send(&mut self, value: &Value) {
        self.write(&frame::json(value)).await;
    }

    /// The next frame; `None` at the end, in good order or not.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        soon("a frame", self.read()).await
    }

    async fn read(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, length)) = frame::read(&self.came) {
                self.came.drain(..length);
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.came).await {
                Ok(0) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                read => read.unwrap(),
            };
        }
    }

    /// The next frame, which must be a text.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Frame::Text(text)) => text,
            other => panic!("a text frame was to come, not {other:?}"),
        }
    }

    /// The next frame, which must be a JSON object.
    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next frame, of which one field is told after its type was checked.
    pub(crate) async fn typed(&mut self, kind: &str) -> Value {
        let frame = self.json().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Whether everything said so far has been dealt with, and nothing else came of it.
    pub(crate) async fn in_step(&mut self) {
        self.send(&json!({"type": "ping"})).await;
        assert_eq!(self.text().await, r#"{"type":"pong"}"#);
    }

    /// The next frame must be a close with this code, then the socket's end.
    pub(crate) async fn closed_with(&mut self, code: u16, reason: &str) {
        let close = self.next().await;
        assert_eq!(close, Some(Frame::Close(Some((code, reason.to_owned())))));
        self.at_end().await;
    }

    /// Nothing more comes, and the other side closed in good order.
    pub(crate) async fn at_end(&mut self) {
        let mut rest = std::mem::take(&mut self.came);
        soon("the end", self.stream.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "after the close came {:?}", String::from_utf8_lossy(&rest));
    }

    /// Goes away without a word: FIN.
    pub(crate) fn vanish(self) {
        drop(self.stream);
    }
}

/// A peer that got its `welcome`.
#[derive(Debug)]
pub(crate) struct Session<S = TcpStream> {
    pub(crate) peer: Peer<S>,
    pub(crate) welcome: Value,
    pub(crate) id: String,
    pub(crate) token: String,
    /// Of the last message or gap.
    pub(crate) position: String,
}

impl<S: Stream> Session<S> {
    /// Waits for the `welcome`.
    pub(crate) async fn welcomed(mut peer: Peer<S>) -> Self {
        let welcome = peer.typed("welcome").await;
        Self::with(peer, welcome)
    }

    /// A peer, and the `welcome` that it got.
    pub(crate) fn with(peer: Peer<S>, welcome: Value) -> Self {
        let position = text(&welcome["position"]);
        let (id, token) = (text(&welcome["session"]), text(&welcome["resume"]));
        Self { peer, welcome, id, token, position }
    }

    /// The next frame, which must be a message; notes its position.
    pub(crate) async fn message(&mut self) -> Value {
        let message = self.peer.typed("message").await;
        if let Some(position) = message["position"].as_str() {
            position.clone_into(&mut self.position);
        }
        message
    }

    /// The `data` of the next `count` frames, which must be messages.
    pub(crate) async fn messages(&mut self, count: usize) -> Vec<Value> {
        let mut data = Vec::new();
        for _ in 0..count {
            data.push(self.message().await["data"].take());
        }
        data
    }

    /// The next frame, which must be `caught_up` to where this session is.
    pub(crate) async fn caught_up(&mut self) {
        let expected = json!({"type": "caught_up", "position": self.position});
        assert_eq!(self.peer.json().await, expected);
    }
}

impl<S> Deref for Session<S> {
    type Target = Peer<S>;

    fn deref(&self) -> &Peer<S> {
        &self.peer
    }
}

impl<S> DerefMut for Session<S> {
    fn deref_mut(&mut self) -> &mut Peer<S> {
        &mut self.peer
    }
}
