//! Fake: a server that does what a test tells it to, on a free port.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use usher_client::{Builder, Event, Events, NoTicket, Pace, Reason, Session, State, Ticket};

/// How long anything may take before a test gives up. Far more than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever.
#[track_caller]
pub(crate) fn soon<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move { timeout(PATIENCE, what).await.unwrap_or_else(|_| panic!("nothing came: {caller}")) }
}

/// Times that let a test be quick.
pub(crate) fn quick() -> Pace {
    Pace {
        retry_base: Duration::from_millis(10),
        retry_max: Duration::from_millis(100),
        ..Pace::default()
    }
}

/// An id of that kind, made of a number.
pub(crate) fn id(kind: char, number: u64) -> String {
    format!("{kind}_00{number:022}")
}

/// A server.
pub(crate) struct Fake {
    listener: TcpListener,
    /// Where it is.
    pub(crate) url: String,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// The next socket, before its handshake.
    pub(crate) async fn tcp(&self) -> TcpStream {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        stream
    }

    /// The next socket, with its handshake done.
    pub(crate) async fn peer(&self) -> Peer<TcpStream> {
        Peer::shake_hands(self.tcp().await).await
    }

    /// The next socket, which shows a ticket and is welcomed as this session.
    pub(crate) async fn welcome(&self, session: u64, position: &str) -> Peer<TcpStream> {
        let mut peer = self.peer().await;
        assert!(peer.offers[1].starts_with("ticket."), "{:?}", peer.offers);
        peer.welcome(session, position, false).await;
        peer
    }

    /// The next socket, which shows the token of that session and where it was, and goes on.
    pub(crate) async fn resume(&self, session: u64, token: &str, after: &str) -> Peer<TcpStream> {
        let mut peer = self.peer().await;
        peer.shows_token(token, after);
        peer.welcome(session, after, true).await;
        // By which the token before is void.
        peer.hear_type("pong").await;
        peer
    }

    /// A session that connects here, and tells why it asked for tickets.
    pub(crate) fn session(&self) -> Client {
        self.session_with(quick())
    }

    pub(crate) fn session_with(&self, pace: Pace) -> Client {
        Client::start(Session::builder(self.url.as_str()).pace(pace))
    }
}

/// The other end of a socket.
pub(crate) struct Peer<S> {
    pub(crate) socket: WebSocketStream<S>,
    /// The subprotocols that were offered.
    pub(crate) offers: Vec<String>,
    token: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    #[expect(clippy::result_large_err, reason = "the library wants it so")]
    pub(crate) async fn shake_hands(stream: S) -> Self {
        let mut offers = Vec::new();
        let look = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/v1/connect");
            let offer = request.headers()["sec-websocket-protocol"].to_str().unwrap();
            offers = offer.split(", ").map(str::to_owned).collect();
            let usher = HeaderValue::from_static("usher.v1");
            response.headers_mut().insert("sec-websocket-protocol", usher);
            Ok(response)
        };
        let socket = soon(accept_hdr_async(stream, look)).await.unwrap();
        assert_eq!(offers[0], "usher.v1");
        Self { socket, offers, token: String::new() }
    }

    pub(crate) async fn welcome(&mut self, session: u64, position: &str, resumed: bool) {
        self.welcome_pinging(session, position, resumed, 25_000).await;
    }

    pub(crate) async fn welcome_pinging(
        &mut self,
        session: u64,
        position: &str,
        resumed: bool,
        ping_ms: u64,
    ) {
        static TOKENS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        self.token = id('r', TOKENS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let welcome = json!({
            "type": "welcome", "session": id('s', session), "user": "alice", "position": position,
            "resume": self.token, "resumed": resumed, "ping_ms": ping_ms, "node": "n1",
        });
        self.say(&welcome).await;
    }

    /// The token of its welcome.
    pub(crate) fn token(&self) -> String {
        self.token.clone()
    }

    #[track_caller]
    pub(crate) fn shows_token(&self, token: &str, after: &str) {
        assert_eq!(self.offers[1..], [format!("resume.{token}"), format!("after.{after}")]);
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        soon(self.socket.send(Message::text(frame.to_string()))).await.unwrap();
    }

    /// A message whose data is its number.
    pub(crate) async fn message(&mut self, number: u64) {
        self.say(&message(number)).await;
    }

    /// The next frame that the session says.
    pub(crate) async fn hear(&mut self) -> Value {
        match soon(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("no frame but {other:?}"),
        }
    }

    /// The next frame, which is of this type.
    pub(crate) async fn hear_type(&mut self, name: &str) -> Value {
        let frame = self.hear().await;
        assert_eq!(frame["type"], name, "{frame}");
        frame
    }

    /// Waits until the other end is gone.
    pub(crate) async fn gone(mut self) {
        while let Some(Ok(_)) = soon(self.socket.next()).await {}
    }

    /// Closes it, as a server does, and waits until the other end is gone.
    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        soon(self.socket.close(Some(frame))).await.unwrap();
        self.gone().await;
    }
}

/// A message whose data is its number.
pub(crate) fn message(number: u64) -> Value {
    json!({
        "type": "message", "id": id('m', number), "position": format!("p{number}"),
        "data": number, "at": 1_790_000_000_000_u64,
    })
}

/// A session and what it asked of its app.
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) events: Events<u64>,
    pub(crate) reasons: mpsc::Receiver<Reason>,
}

impl Client {
    /// With a new ticket whenever one is asked for.
    pub(crate) fn start(builder: Builder) -> Self {
        Self::start_with(builder, |n| Ok(id('t', n).parse::<Ticket>()?))
    }

    /// With what this says when a ticket is asked for, for the first, the second time and so on.
    pub(crate) fn start_with(
        builder: Builder,
        ticket: impl Fn(u64) -> Result<Ticket, NoTicket> + Send + Sync + 'static,
    ) -> Self {
        let (told, reasons) = mpsc::channel(100);
        let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let ask = move |reason| {
            let n = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            told.try_send(reason).unwrap();
            std::future::ready(ticket(n + 1))
        };
        let (session, events) = builder.ticket(ask).start().unwrap();
        Self { session, events, reasons }
    }

    /// The next message's number.
    pub(crate) async fn number(&mut self) -> u64 {
        match soon(self.events.next()).await {
            Some(Event::Message(message)) => message.data,
            other => panic!("no message but {other:?}"),
        }
    }

    pub(crate) async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            numbers.push(self.number().await);
        }
        numbers
    }

    pub(crate) async fn reason(&mut self) -> Reason {
        soon(self.reasons.recv()).await.unwrap()
    }

    /// Waits for a state like that.
    pub(crate) async fn state(&self, is_like: impl Fn(&State) -> bool) -> State {
        let mut watch = self.session.watch();
        soon(watch.wait_for(|state| is_like(state))).await.unwrap().clone()
    }

    pub(crate) async fn live(&self) {
        self.state(State::is_live).await;
    }

    /// No ticket was asked for that the test has not heard of.
    pub(crate) fn asked_no_more(&mut self) {
        assert!(self.reasons.try_recv().is_err());
    }
}
