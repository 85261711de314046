//! Torture: sessions of the Rust SDK and a real node, with a proxy between them that does all that
//! a bad network does. Whatever it does, each message that was accepted comes to each session that
//! it is for, once and in order, or a gap says that it does not.
//!
//! `USHER_TORTURE_SECONDS` says how long (4 by default), `USHER_TORTURE_SEED` which faults to have
//! again. The seed is printed first.

use std::{
    fmt::Write,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sdk::{Event, Events, Pace, SendError, Session, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::{
    crowd::threads,
    dice::Dice,
    node::{FREE, Node},
    program::{PATIENCE, usher},
    proxy::Proxy,
    witness::{LAST, Seen, Sender},
};

/// What a message says: who sent it, and which of theirs it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    by: String,
    n: u64,
    filler: String,
}

impl Note {
    fn new(by: &str, n: u64, dice: &mut Dice) -> Self {
        // Some are long, so that sockets fill up and frames are cut.
        let length = if dice.below(20) == 0 { dice.below(20_000) } else { dice.below(100) };
        let filler = "x".repeat(usize::try_from(length).expect("it is small"));
        Self { by: by.to_owned(), n, filler }
    }
}

/// Times with which a few seconds hold many faults.
fn pace() -> Pace {
    Pace {
        retry_base: Duration::from_millis(20),
        retry_max: Duration::from_millis(200),
        connect_max: Duration::from_secs(2),
        silence: Duration::from_secs(1),
        ..Pace::default()
    }
}

/// The app's backend, which calls the node without anything between.
#[derive(Debug, Clone)]
struct Backend {
    agent: ureq::Agent,
    address: String,
}

impl Backend {
    fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE));
        Self { agent: config.build().into(), address: address.to_owned() }
    }

    fn post(&self, path: &str, body: &impl Serialize) -> String {
        let call = self.agent.post(format!("http://{}/v1/{path}", self.address));
        let call = call.header("authorization", "Bearer usher_dev_key");
        let mut answer = call.send_json(body).expect("the node takes it");
        answer.body_mut().read_to_string().expect("the node answers")
    }

    fn ticket(&self, user: &str) -> Result<Ticket, serde_json::Error> {
        serde_json::from_str(&self.post("tickets", &json!({"user": user, "send": "any"})))
    }

    fn send(&self, user: &str, note: &Note) {
        self.post(&format!("users/{user}/messages"), &json!({"data": note}));
    }

    /// Sends to a user for some time.
    fn chatter(&self, user: &str, time: Duration, seed: u64) -> Sender {
        let (mut sender, mut dice) = (Sender::default(), Dice::new(seed, 1 << 40));
        let pause = Duration::from_millis(12);
        for n in 1..=u64::try_from(time.as_millis() / pause.as_millis()).expect("it is small") {
            self.send(user, &Note::new("backend", n, &mut dice));
            sender.accepted.insert(n);
            // Nothing is waited for: this is the rate.
            std::thread::sleep(pause);
        }
        sender
    }
}

/// A session through the proxy, and what it saw when all is over.
fn session(backend: &Backend, proxy: &Proxy, user: &'static str) -> (Session, Watcher) {
    let backend = backend.clone();
    let (calls, first) = (Arc::new(AtomicU32::new(0)), Arc::new(OnceLock::new()));
    let (session, events) = Session::builder(proxy.url.as_str())
        .pace(pace())
        .ticket(move |_| {
            let (backend, calls, first) = (backend.clone(), Arc::clone(&calls), Arc::clone(&first));
            async move {
                let ticket = tokio::task::spawn_blocking(move || backend.ticket(user)).await??;
                let spent = first.get_or_init(|| ticket.clone());
                match calls.fetch_add(1, Ordering::Relaxed) % 3 {
                    0 => Ok(ticket),
                    1 => Err(std::io::Error::other("the backend has a bad moment").into()),
                    // A cache on the way has an old answer.
                    _ => Ok(spent.clone()),
                }
            }
        })
        .start::<Note>()
        .expect("it can start");
    (session, Watcher(tokio::spawn(watch(events))))
}

struct Watcher(tokio::task::JoinHandle<Seen>);

/// Takes events until the backend's last message came, now and then slowly.
async fn watch(mut events: Events<Note>) -> Seen {
    let mut seen = Seen::default();
    loop {
        match events.next().await {
            Some(Event::Message(message)) => {
                let Note { by, n, .. } = message.data;
                if (by.as_str(), n) == ("backend", LAST) {
                    return seen;
                }
                seen.notes.entry(by).or_default().push(n);
            }
            Some(Event::Gap(gap)) => seen.gaps.push(gap.reason),
            other => panic!("{other:?} after {seen:?}"),
        }
    }
}

/// Sends from a session to a user until it is time.
async fn chatter(session: Session, by: &str, to: &str, until: Instant, seed: u64) -> Sender {
    let sender = Arc::new(Mutex::new(Sender::default()));
    let mut dice = Dice::new(seed, 2 << 40);
    let mut sends = tokio::task::JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(30));
    for n in 1.. {
        tick.tick().await;
        if Instant::now() >= until {
            break;
        }
        let sending = session.send(to, &Note::new(by, n, &mut dice));
        let sender = Arc::clone(&sender);
        sends.spawn(async move {
            let outcome = sending.await;
            let mut sender = sender.lock().expect("nobody panics with it");
            match outcome {
                Ok(_) => drop(sender.accepted.insert(n)),
                Err(SendError::Unanswered(_)) => drop(sender.unsure.insert(n)),
                Err(SendError::NotSent(_) | SendError::Full) => {}
                Err(SendError::Refused(error)) if error.retry_ms.is_some() => {}
                Err(error) => panic!("{n}: {error}"),
            }
        });
    }
    let all = sends.join_all();
    timeout(pace().send_max + PATIENCE, all).await.expect("every send settles");
    Arc::into_inner(sender).expect("all sends are settled").into_inner().expect("nobody panicked")
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}

#[test]
fn on_a_bad_network_every_message_comes_once_and_in_order() {
    let fresh = || RandomState::new().build_hasher().finish();
    let seed = number("USHER_TORTURE_SEED").unwrap_or_else(fresh);
    println!("USHER_TORTURE_SEED={seed}");
    let time = Duration::from_secs(number("USHER_TORTURE_SECONDS").unwrap_or(4));
    let mut command = usher(&["dev", "--listen", FREE]);
    command.env("USHER_SESSION__PING", "1s").env("USHER_SESSION__PONG_WAIT", "1s");
    let node = Node::start(&mut command);
    let outcome = threads().block_on(torture(&node.address, time, seed));
    println!("{}", outcome.summary);
    assert!(outcome.faults.is_empty(), "USHER_TORTURE_SEED={seed}\n{}", outcome.faults);
    assert!(outcome.sockets > 5 * time.as_secs().min(10), "too little happened");
}

/// What came of it.
struct Outcome {
    sockets: u64,
    summary: String,
    faults: String,
}

async fn torture(address: &str, time: Duration, seed: u64) -> Outcome {
    let backend = Backend::new(address);
    let proxy = Proxy::start(address.parse().expect("it is an address"), seed).await;
    let (alice, phone) = session(&backend, &proxy, "alice");
    let (tablet, other) = session(&backend, &proxy, "alice");
    let (bob, bobs) = session(&backend, &proxy, "bob");
    for session in [&alice, &tablet, &bob] {
        let mut state = session.watch();
        let live = state.wait_for(sdk::State::is_live);
        timeout(PATIENCE, live).await.expect("it is live").expect("it goes on");
    }

    let backends = ["alice", "bob"].map(|user| {
        let backend = backend.clone();
        tokio::task::spawn_blocking(move || backend.chatter(user, time, seed))
    });
    let until = Instant::now() + time;
    let chatters = [
        tokio::spawn(chatter(alice.clone(), "alice", "bob", until, seed)),
        tokio::spawn(chatter(bob.clone(), "bob", "alice", until, seed)),
    ];
    let [to_alice, to_bob] = backends.map(|backend| async { backend.await.expect("it sends") });
    let (to_alice, to_bob) = (to_alice.await, to_bob.await);
    proxy.mend();
    let [by_alice, by_bob] = chatters.map(|chatter| async { chatter.await.expect("it sends") });
    let (by_alice, by_bob) = (by_alice.await, by_bob.await);
    for user in ["alice", "bob"] {
        let backend = backend.clone();
        let last = Note { by: "backend".to_owned(), n: LAST, filler: String::new() };
        let sending = tokio::task::spawn_blocking(move || backend.send(user, &last));
        sending.await.expect("it sends");
    }

    let (mut summary, mut faults) = (String::new(), String::new());
    for (name, Watcher(watcher), senders) in [
        ("alice", phone, [("backend", &to_alice), ("bob", &by_bob)]),
        // It also gets what alice sends from the first one, which gets nothing of that.
        ("tablet", other, [("backend", &to_alice), ("alice", &by_alice)]),
        ("bob", bobs, [("backend", &to_bob), ("alice", &by_alice)]),
    ] {
        let seen = timeout(PATIENCE, watcher).await.expect("the last message comes");
        let seen = seen.expect("it watches");
        for (by, sender) in senders {
            for fault in seen.faults(by, sender).lines() {
                writeln!(faults, "{name} of {fault}").expect("it is text");
            }
        }
        writeln!(summary, "{name}: gaps {:?}", seen.gaps).expect("it is text");
    }
    let sockets = proxy.sockets();
    write!(
        summary,
        "{sockets} sockets; {} and {} by the backend, {} and {} by sessions, {} unanswered",
        to_alice.accepted.len(),
        to_bob.accepted.len(),
        by_alice.accepted.len(),
        by_bob.accepted.len(),
        by_alice.unsure.len() + by_bob.unsure.len(),
    )
    .expect("it is text");
    drop((alice, tablet, bob));
    Outcome { sockets, summary, faults }
}
