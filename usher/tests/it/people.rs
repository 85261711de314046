//! People: they come by the Rust SDK, note what they get, and are held against what was accepted for
//! them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use sdk::{Event, Pace, Session, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    crowd::soon,
    nodes::Fleet,
    program::{PATIENCE, until},
    supervised::Api,
    witness::{LAST, Seen, Sender},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    by: String,
    n: u64,
}

/// Somebody with a session, which comes back by itself.
pub(crate) struct Person {
    pub(crate) name: String,
    session: Session,
    seen: JoinHandle<Seen>,
    /// Tickets that were asked for.
    pub(crate) tickets: Arc<AtomicU32>,
}

impl Person {
    /// Comes to the node at `url`; tickets are given by `api`.
    pub(crate) async fn come(name: &str, url: &str, api: &Api) -> Self {
        let tickets = Arc::new(AtomicU32::new(0));
        let (api, user, asked) = (api.clone(), name.to_owned(), Arc::clone(&tickets));
        let pace = Pace {
            retry_base: Duration::from_millis(50),
            retry_max: Duration::from_millis(500),
            ..Pace::default()
        };
        let builder = Session::builder(url).pace(pace).ticket(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            let (api, request) = (api.clone(), json!({"user": user}));
            async move {
                let call = move || api.call("POST", "/v1/tickets", &request).1;
                let reply = tokio::task::spawn_blocking(call).await?;
                Ok(serde_json::from_value::<Ticket>(reply)?)
            }
        });
        let (session, mut events) = builder.start::<Note>().expect("it can start");
        let seen = tokio::spawn(async move {
            let mut seen = Seen::default();
            loop {
                match events.next().await {
                    Some(Event::Message(message)) if message.data.n == LAST => return seen,
                    Some(Event::Message(message)) => {
                        seen.notes.entry(message.data.by).or_default().push(message.data.n);
                    }
                    Some(Event::Gap(gap)) => seen.gaps.push(gap.reason),
                    other => panic!("{other:?} after {seen:?}"),
                }
            }
        });
        let mut state = session.watch();
        let live = state.wait_for(sdk::State::is_live);
        soon("a session", live).await.expect("it goes on");
        Self { name: name.to_owned(), session, seen, tickets }
    }
}

/// Messages to each that show that a backend is at work.
const ROUNDS: u64 = 20;

/// A backend that sends to people in turn until told to stop, each message until it is accepted.
pub(crate) struct Backend {
    goes_on: Arc<AtomicBool>,
    /// How often everybody was sent a message.
    rounds: Arc<AtomicU64>,
    sender: thread::JoinHandle<BTreeMap<String, Sender>>,
}

impl Backend {
    pub(crate) fn start(api: &Api, people: &[Person]) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let rounds = Arc::new(AtomicU64::new(0));
        let (api, going, done) = (api.clone(), Arc::clone(&goes_on), Arc::clone(&rounds));
        let names: Vec<String> = people.iter().map(|person| person.name.clone()).collect();
        let sender = thread::spawn(move || {
            let mut senders: BTreeMap<String, Sender> = BTreeMap::new();
            for n in 1.. {
                if !going.load(Ordering::Relaxed) {
                    break;
                }
                for name in &names {
                    send(&api, name, n);
                    senders.entry(name.clone()).or_default().accepted.insert(n);
                }
                done.store(n, Ordering::Relaxed);
            }
            for name in &names {
                send(&api, name, LAST);
            }
            senders
        });
        Self { goes_on, rounds, sender }
    }

    /// Returns when everybody was sent some more.
    pub(crate) fn is_under_way(&self) {
        let until_round = self.rounds.load(Ordering::Relaxed) + ROUNDS;
        until("more is sent", || self.rounds.load(Ordering::Relaxed) >= until_round);
    }

    /// Sends a last message to each, and returns what was accepted.
    pub(crate) fn stop(self) -> BTreeMap<String, Sender> {
        self.goes_on.store(false, Ordering::Relaxed);
        self.sender.join().expect("it sends")
    }
}

/// Sends until it is accepted; the key sees to it that this is once.
fn send(api: &Api, user: &str, n: u64) {
    let (path, key) = (format!("/v1/users/{user}/messages"), format!("{user}-{n}"));
    let body = json!({"data": {"by": "backend", "n": n}});
    let start = Instant::now();
    loop {
        let (status, answer) = api.call_again("POST", &path, &key, &body);
        if status == 200 {
            return;
        }
        assert!(matches!(status, 503 | 504), "{status} {answer}");
        assert!(start.elapsed() < PATIENCE, "it is never accepted: {answer}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What everybody saw must be what was accepted, once and in order; returns how many gaps there were.
pub(crate) async fn judge(people: Vec<Person>, senders: &BTreeMap<String, Sender>) -> usize {
    let mut gaps = 0;
    for Person { name, session, seen, .. } in people {
        let seen = soon("the last message", seen).await.expect("it watches");
        assert_eq!(seen.faults("backend", &senders[&name]), "", "{name}: {:?}", seen.gaps);
        gaps += seen.gaps.len();
        session.leave().await;
    }
    gaps
}

/// People with a session each, spread over the nodes.
pub(crate) async fn people(fleet: &Fleet, count: usize, api: &Api) -> Vec<Person> {
    let mut people = Vec::new();
    for n in 0..count {
        let url = fleet.socket_url(n % fleet.nodes.len());
        people.push(Person::come(&format!("user-{n}"), &url, api).await);
    }
    people
}
