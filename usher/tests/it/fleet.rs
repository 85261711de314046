//! Fleet: several nodes on one Redis, which behave as one, also when one of them or Redis fails.
//!
//! Real processes, killed by real signals. People come by the Rust SDK, note what they get, and are
//! held against what was accepted for them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use sdk::{Event, Pace, Session, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    crowd::{Member, Welcomed, soon, threads},
    program::{PATIENCE, usher},
    redis::{Redis, free_address},
    supervised::{Api, Supervised, UNLIMITED, serve},
    witness::{LAST, Seen, Sender},
};

/// Nodes that share one Redis.
pub(crate) struct Fleet {
    pub(crate) redis: Redis,
    pub(crate) nodes: Vec<Supervised>,
}

/// A node of this name, which tells others where it is.
pub(crate) fn node_at(address: SocketAddr, name: &str, engine: &str) -> Supervised {
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_LISTEN", address.to_string())
        .env("USHER_NODE__NAME", name)
        .env("USHER_NODE__PUBLIC_URL", format!("ws://{address}"))
        .env("USHER_ENGINE__URL", engine)
        .env("USHER_DRAIN__WINDOW", "1s")
        .env("USHER_DRAIN__DELAY", "0s");
    Supervised::start(&mut command)
}

impl Fleet {
    /// So many nodes, which know of each other.
    pub(crate) fn of(count: usize) -> Self {
        let redis = Redis::start(&[]);
        let nodes: Vec<_> =
            (0..count).map(|n| node_at(free_address(), &format!("n{n}"), &redis.url())).collect();
        let fleet = Self { redis, nodes };
        for node in &fleet.nodes {
            until("all know of all", || {
                let ticket = node.ask("POST", "/v1/tickets", &json!({"user": "nobody"}));
                names(node).len() == count && ticket["urls"].as_array().map(Vec::len) == Some(count)
            });
        }
        fleet
    }

    fn socket_url(&self, node: usize) -> String {
        format!("ws://{}/v1/connect", self.nodes[node].address)
    }
}

/// The nodes that a node lists.
pub(crate) fn names(api: &Api) -> BTreeMap<String, String> {
    let list = api.call("GET", "/v1/nodes", &Value::Null).1;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|node| (text(&node["node"]), text(&node["state"]))).collect()
}

/// Looks until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn is_ready(api: &Api) -> bool {
    api.call("GET", "/readyz", &Value::Null).0 == 200
}

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

/// A backend that sends to people in turn until told to stop, each message until it is accepted.
pub(crate) struct Backend {
    goes_on: Arc<AtomicBool>,
    sender: thread::JoinHandle<BTreeMap<String, Sender>>,
}

impl Backend {
    pub(crate) fn start(api: &Api, people: &[Person]) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let (api, going) = (api.clone(), Arc::clone(&goes_on));
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
            }
            for name in &names {
                send(&api, name, LAST);
            }
            senders
        });
        Self { goes_on, sender }
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

#[test]
fn sessions_are_listed_sent_to_and_ended_from_any_node() {
    let fleet = Fleet::of(3);
    let [first, second, third] = &fleet.nodes[..] else { panic!("there are three") };
    threads().block_on(async {
        let mut one = Welcomed::dial(first.address, &third.offer(&json!({"user": "alice"}))).await;
        let offer = third.offer(&json!({"user": "alice", "device": "phone"}));
        let mut two = Welcomed::dial(second.address, &offer).await;
        let sent = third.ask("POST", "/v1/users/alice/messages", &json!({"data": "hi"}));
        assert_eq!((&sent["matched"], &sent["live"]), (&json!(2), &json!(2)));
        assert_eq!(sent["durability"], "primary");
        for session in [&mut one, &mut two] {
            assert_eq!(session.member.typed("message").await["id"], sent["id"]);
        }
        let list = first.ask("GET", "/v1/users/alice/sessions", &Value::Null);
        let nodes: Vec<_> = list["items"].as_array().unwrap().iter().map(|s| &s["node"]).collect();
        assert_eq!(nodes, ["n0", "n1"]);
        assert_eq!(second.ask("GET", "/v1/stats", &Value::Null)["nodes"], 3);

        let sent = first.ask("POST", "/v1/messages", &json!({"everyone": true, "data": "all"}));
        assert_eq!(sent["nodes"], 3);
        for session in [&mut one, &mut two] {
            assert_eq!(session.member.typed("message").await["data"], "all");
        }
        let path = format!("/v1/sessions/{}", two.session);
        assert_eq!(third.ask("DELETE", &path, &Value::Null)["closed"], 1);
        two.member.typed("closing").await;
        two.member.closed_with(4410).await;
        assert_eq!(second.ask("PUT", "/v1/users/alice/block", &json!({}))["closed"], 1);
        one.member.typed("closing").await;
        one.member.closed_with(4403).await;
        assert_eq!(third.call("POST", "/v1/tickets", &json!({"user": "alice"})).0, 403);
    });
}

#[test]
fn one_place_is_held_by_one_session_whatever_the_node() {
    let fleet = Fleet::of(2);
    let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
    threads().block_on(async {
        let single = json!({"user": "alice", "policy": "single"});
        let mut old = Welcomed::dial(first.address, &second.offer(&single)).await;
        let new = Welcomed::dial(second.address, &first.offer(&single)).await;
        let closing = old.member.typed("closing").await;
        assert_eq!(closing["by"]["session"], new.session);
        old.member.closed_with(4409).await;
        Member::dial(second.address, &old.resume()).await.closed_with(4409).await;

        // Who is there keeps the place, if that is the policy.
        let policy = json!({"max": 1, "per": "user", "when_full": "reject"});
        let offer = first.offer(&json!({"user": "alice", "policy": policy}));
        Member::dial(first.address, &offer).await.closed_with(4423).await;
    });
}

#[test]
fn a_node_that_is_killed_is_made_up_for_by_the_others() {
    let mut fleet = Fleet::of(3);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[2]).clone();
        let people = people(&fleet, 12, &api).await;
        let of_first = api.ask("GET", "/v1/sessions?node=n0", &Value::Null);
        assert_ne!(of_first["items"], json!([]), "nobody is on the node that is killed");
        let backend = Backend::start(&api, &people);
        thread::sleep(Duration::from_millis(300));
        fleet.nodes[0].program.kill();
        let killed = Instant::now();
        until("it is not listed any more", || !names(&api).contains_key("n0"));
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
        until("everybody is back", || {
            let stats = api.ask("GET", "/v1/stats", &Value::Null);
            stats["sessions"] == json!({"live": people.len(), "parked": 0})
        });
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0, "nothing was lost, so there is no gap");
        let left = api.ask("GET", "/v1/sessions", &Value::Null);
        assert_eq!(left["items"], json!([]), "a ghost");
    });
}

#[test]
fn a_node_goes_away_when_another_is_asked_to_tell_it() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 6, &api).await;
        let backend = Backend::start(&api, &people);
        assert_eq!(api.call("POST", "/v1/nodes/nobody/drain", &Value::Null).0, 404);
        let asked = api.ask("POST", "/v1/nodes/n0/drain", &Value::Null);
        assert_eq!((&asked["node"], &asked["state"]), (&json!("n0"), &json!("draining")));
        assert_eq!(fleet.nodes.remove(0).end().code, Some(0));
        until("it is not listed any more", || names(&api).len() == 1);
        until("everybody is back", || {
            let stats = api.ask("GET", "/v1/stats", &Value::Null);
            stats["sessions"] == json!({"live": people.len(), "parked": 0})
        });
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0);
    });
}

#[test]
fn what_redis_does_not_deliver_is_made_up_for() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        for _ in 0..20 {
            fleet.redis.tell("CLIENT KILL TYPE pubsub");
            thread::sleep(Duration::from_millis(100));
        }
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        let senders = backend.stop();
        assert_eq!(judge(people, &senders).await, 0);
    });
}

#[test]
fn a_redis_that_dies_makes_nodes_unready_and_loses_nothing_in_silence() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        thread::sleep(Duration::from_millis(200));
        fleet.redis.kill();
        let killed = Instant::now();
        until("both are unready", || fleet.nodes.iter().all(|node| !is_ready(node)));
        assert!(killed.elapsed() < Duration::from_secs(4), "{:?}", killed.elapsed());
        let sent = api.call("POST", "/v1/users/nobody/messages", &json!({"data": 1}));
        assert!(matches!(sent.0, 503 | 504), "{sent:?}");
        assert_eq!(api.call("POST", "/v1/tickets", &json!({"user": "alice"})).0, 503);
        assert_eq!(api.call("GET", "/livez", &Value::Null).0, 200);
        fleet.redis.rise();
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        until("everybody is back", || {
            let stats = api.ask("GET", "/v1/stats", &Value::Null);
            stats["sessions"] == json!({"live": people.len(), "parked": 0})
        });
        let senders = backend.stop();
        // It kept nothing on disk, so all of its past is lost, and everybody is told.
        assert!(judge(people, &senders).await >= 4);
    });
}

#[test]
fn sessions_are_sent_away_when_redis_stays_away_for_the_grace() {
    let mut redis = Redis::start(&[]);
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_ENGINE__URL", redis.url())
        .env("USHER_SESSION__RESUME_WINDOW", "3s")
        .env("USHER_DRAIN__WINDOW", "1s");
    let node = Supervised::start(&mut command);
    threads().block_on(async {
        let offer = node.offer(&json!({"user": "alice"}));
        let mut alice = Welcomed::dial(node.address, &offer).await;
        redis.kill();
        // It is tried again each second meanwhile, and refused.
        alice.member.typed("closing").await;
        alice.member.closed_with(4000).await;
    });
}

#[test]
fn c8_a_redis_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
    let redis =
        Redis::start(&["--requirepass", "an-open-secret", "--maxmemory-policy", "allkeys-lru"]);
    let refused = |url: &str, why: &str| {
        let mut command = usher(&["serve", "--listen", "127.0.0.1:0", "--engine", url]);
        command.env("USHER_KEY", crate::served::KEY);
        let ended = crate::program::run(&mut command, "");
        assert_ne!(ended.code, Some(0), "{url}");
        let said = ended.err + &ended.out;
        assert!(said.contains(why), "{url}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!said.contains("secret"), "{said}");
    };
    let at = redis.at();
    refused(&format!("redis://{at}"), "password");
    refused(&format!("redis://:a-wrong-secret@{at}"), "password");
    refused(&format!("redis://:an-open-secret@{at}"), "noeviction");
    refused("redis://:an-open-secret@127.0.0.1:1", "does not answer");
    refused("redis://no host", "must be");
    refused("http://secret", "must be");
}

#[test]
fn c13_two_nodes_of_one_name_both_run_and_say_so() {
    let redis = Redis::start(&[]);
    let mut nodes = [(); 2].map(|()| node_at(free_address(), "twin", &redis.url()));
    // The other one may have said so before it listened.
    nodes[0].program.line_with("another process has this node's name");
    let [first, second] = &nodes;
    let list = first.ask("GET", "/v1/nodes", &Value::Null);
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2, "{list}");
    assert_ne!(items[0]["generation"], items[1]["generation"]);
    threads().block_on(async {
        let mut sessions = Vec::new();
        for node in &nodes {
            let offer = first.offer(&json!({"user": "alice"}));
            sessions.push(Welcomed::dial(node.address, &offer).await);
        }
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": 1}));
        assert_eq!(sent["live"], 2);
        for session in &mut sessions {
            assert_eq!(session.member.typed("message").await["id"], sent["id"]);
        }
    });
}
