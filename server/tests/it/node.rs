//! Node: one that runs in this process for one test, and what is the same for all of them.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    panic,
    sync::{Arc, Mutex, Once, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use engine::{contract::Engine, mailbox::Mailboxes};
use protocol::{event::What, id::SessionId, time::Timestamp};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    config::{Config, Drain, Key},
    journal::Watcher,
    serve::{self, Listeners, Running},
};
use tokio::time::timeout;

use crate::{
    call::{Caller, Response},
    peer::{Peer, Session},
};

/// The key of the nodes under test.
pub(crate) const KEY: &str = "a-key-for-tests-and-nothing-else";

/// How long anything may take before a test gives up on it. Far more than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What nodes under test run with, unless a test says otherwise.
pub(crate) fn config() -> Config {
    Config {
        listen: Vec::new(),
        keys: vec![Key::new("test", KEY).unwrap()],
        node: "n1".to_owned(),
        shards: 2,
        drain: Drain { window: Duration::ZERO, delay: Duration::ZERO },
        ..Config::default()
    }
}

/// A node under test.
pub(crate) struct Node {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

/// Panics of nodes' threads since this program started.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name().is_some_and(|name| name.starts_with("usher-")) {
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
            }
            told(panic);
        }));
    });
}

/// Runs a test with a node of its own; a panic in any node is a failure.
pub(crate) fn with_node(config: Config, test: impl AsyncFnOnce(&Node)) {
    with_listeners(config, vec![free()].into(), test);
}

/// A listener on a free port.
pub(crate) fn free() -> TcpListener {
    serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// The same at these addresses, the first of which is the node's.
pub(crate) fn with_listeners(config: Config, listeners: Listeners, test: impl AsyncFnOnce(&Node)) {
    with(|| serve::start(config, listeners), test);
}

/// The same with an engine of the test's own, which gets the node's mailboxes.
pub(crate) fn with_engine(
    config: Config,
    engine: impl FnOnce(Mailboxes) -> Arc<dyn Engine>,
    test: impl AsyncFnOnce(&Node),
) {
    with(|| serve::start_on(config, vec![free()], engine), test);
}

/// The same with an engine that the test has a say in.
pub(crate) fn with_node_on<E: Engine + 'static>(
    make: impl FnOnce(&Config, Mailboxes) -> Arc<E>,
    test: impl AsyncFnOnce(&Node, &E),
) {
    let (config, made) = (config(), OnceLock::new());
    let terms = config.clone();
    let engine = |mailboxes| {
        let engine = make(&terms, mailboxes);
        assert!(made.set(Arc::clone(&engine)).is_ok(), "it is made once");
        engine as Arc<dyn Engine>
    };
    with_engine(config, engine, async |node| test(node, made.get().unwrap()).await);
}

fn with(start: impl FnOnce() -> Result<Running, serve::Failed>, test: impl AsyncFnOnce(&Node)) {
    watch_for_panics();
    let running = start().unwrap();
    let address = running.addresses()[0];
    let node = Node { running, address };
    // A runtime of the test's own, so that it does not keep the node's threads busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&node));
    drop(runtime);
    node.running.stop();
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(panics.is_empty(), "a node panicked: {panics:#?}");
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits until the clock is past a moment.
pub(crate) async fn passed(at: Timestamp) {
    while Clock::timestamp() <= at {
        let left = at.0 - Clock::timestamp().0.min(at.0) + 1;
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

impl Node {
    /// A caller with the key, whose socket stays open.
    pub(crate) async fn caller(&self) -> Caller {
        Caller::open(self.address).await
    }

    /// One call with the key.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Response {
        self.caller().await.call(method, path, body).await
    }

    /// One call with the key that must succeed; its body.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.caller().await.ask(method, path, body).await
    }

    /// A ticket as asked for.
    pub(crate) async fn ticket(&self, request: &Value) -> String {
        let reply = self.call("POST", "/v1/tickets", request).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        text(&reply.json()["ticket"])
    }

    /// A session of this user, with the defaults.
    pub(crate) async fn join(&self, user: &str) -> Session {
        self.join_with(&json!({"user": user})).await
    }

    /// A session with a ticket as asked for.
    pub(crate) async fn join_with(&self, request: &Value) -> Session {
        let ticket = self.ticket(request).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        Session::welcomed(self.dial("", &offer).await).await
    }

    /// A session that comes back with a token.
    pub(crate) async fn resume(&self, token: &str, after: &str) -> Session {
        Session::welcomed(self.try_resume(token, after).await).await
    }

    /// Tries to come back with a token; the socket opens whatever the answer will be.
    pub(crate) async fn try_resume(&self, token: &str, after: &str) -> Peer {
        self.dial("", &format!("usher.v1, resume.{token}, after.{after}")).await
    }

    /// Opens a WebSocket with this query, and these subprotocols if any.
    pub(crate) async fn dial(&self, query: &str, protocols: &str) -> Peer {
        Peer::dial(self.address, &[("Sec-WebSocket-Protocol", protocols)], query).await.unwrap()
    }

    /// Sends to a user; the answer.
    pub(crate) async fn send(&self, user: &str, request: &Value) -> Value {
        self.ask("POST", &format!("/v1/users/{user}/messages"), request).await
    }

    /// What happens from now on.
    pub(crate) fn watch(&self) -> Watch {
        Watch(self.running.node().events())
    }
}

/// Someone who sees what happens at a node.
pub(crate) struct Watch(Watcher);

impl Watch {
    /// The next event for which `pick` has something to say.
    pub(crate) async fn until<T>(&mut self, what: &str, pick: impl Fn(&What) -> Option<T>) -> T {
        let picked = async {
            loop {
                let next = self.0.next().await.expect("the node is there");
                if let Some(picked) = pick(&next.event.what) {
                    return picked;
                }
            }
        };
        soon(what, picked).await
    }

    /// Waits until a session is parked; the code.
    pub(crate) async fn parked(&mut self, id: &str) -> u16 {
        self.until("a session to be parked", |what| match what {
            What::SessionParked { session, code, .. } => is(*session, id).then_some(*code),
            _ => None,
        })
        .await
    }

    /// Waits until a session ended; the code.
    pub(crate) async fn ended(&mut self, id: &str) -> u16 {
        self.until("a session to end", |what| match what {
            What::SessionEnded { session, code, .. } => is(*session, id).then_some(*code),
            _ => None,
        })
        .await
    }
}

fn is(session: SessionId, id: &str) -> bool {
    session.to_string() == id
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
