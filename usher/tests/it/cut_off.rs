//! Cut off: a node that Redis does not hear, or that does not hear Redis, while others do.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    crowd::{Member, Welcomed, a_moment, threads},
    gate::{Gate, Ways},
    nodes::{Fleet, is_parked, is_ready, node_with, sessions},
    people::{Backend, judge, people},
    program::until,
    redis::Redis,
    supervised::{Api, Supervised},
    way::{Pace, Rules, Way},
};

/// How soon a node knows that it is cut off, on a machine that has other things to do as well.
const SOON: Duration = Duration::from_secs(4);

/// Two nodes, the first of which has a way to Redis that can be cut.
struct Apart {
    fleet: Fleet,
    way: Way,
    _gate: Gate,
}

impl Apart {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let redis = Redis::start(&[]);
        let (way, far) = (Way::default(), redis.at().parse().expect("an address"));
        let gate = Gate::before(far, Ways::One(way.clone())).await.expect("a free port");
        let cut = format!("redis://{}", gate.address);
        let nodes = vec![node_with("n0", &cut, settings), node_with("n1", &redis.url(), settings)];
        let fleet = Fleet { redis, nodes };
        fleet.know_each_other();
        Self { fleet, way, _gate: gate }
    }

    fn cut(&self, cut: impl FnOnce(&mut Rules)) {
        let since = Instant::now();
        self.way.set(cut);
        until("it is unready", || !is_ready(&self.fleet.nodes[0]));
        assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    }
}

/// It takes nothing, says so, and when to come back, to each at another time.
fn refuses(node: &Supervised) {
    let mut waits = BTreeSet::new();
    for path in ["/v1/tickets", "/v1/users/alice/messages"].repeat(4) {
        let body = match path {
            "/v1/tickets" => json!({"user": "alice"}),
            _ => json!({"data": "void"}),
        };
        let (status, problem) = node.call("POST", path, &body);
        assert_eq!((status, &problem["code"]), (503, &json!("overloaded")), "{path} {problem}");
        waits.insert(problem["retry_ms"].as_u64().expect("it says when"));
    }
    assert!(waits.len() > 1, "{waits:?}");
    assert_eq!(node.call("GET", "/livez", &Value::Null).0, 200);
}

fn comes_back_with_what_was_missed(cut: impl Fn(&mut Rules)) {
    threads().block_on(async {
        // A backend that sends as fast as it can sends more than is kept by default.
        let kept =
            [("USHER_LIMITS__STREAM_MESSAGES", "65536"), ("USHER_LIMITS__STREAM_BYTES", "64MiB")];
        let apart = Apart::with(&kept).await;
        let [first, second] = &apart.fleet.nodes[..] else { panic!("there are two") };
        let api: Api = (**second).clone();
        let people = people(&apart.fleet, 4, &api).await;
        let mut alice = Welcomed::dial(first.address, &api.offer(&json!({"user": "alice"}))).await;
        let backend = Backend::start(&api, &people);
        backend.is_under_way();
        apart.cut(cut);
        refuses(first);
        until("alice is parked", || is_parked(&api, "alice"));
        let sent = api.ask("POST", "/v1/users/alice/messages", &json!({"data": "missed"}));
        assert_eq!((&sent["live"], &sent["parked"]), (&json!(0), &json!(1)));
        backend.is_under_way();
        apart.way.heal();
        // On the socket that it had all the while.
        assert_eq!(alice.member.typed("message").await["id"], sent["id"]);
        until("both are ready", || apart.fleet.nodes.iter().all(|node| is_ready(node)));
        until("all are there", || sessions(&api) == json!({"live": 5, "parked": 0}));
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0, "nothing was lost, so there is no gap");
        alice.leave().await;
    });
}

#[test]
fn a_node_that_is_cut_off_refuses_and_comes_back_with_what_was_missed() {
    comes_back_with_what_was_missed(|rules| {
        (rules.there, rules.back) = (Pace::Stalls, Pace::Stalls);
    });
}

#[test]
fn a_node_that_hears_nothing_of_redis_refuses_and_comes_back_with_what_was_missed() {
    comes_back_with_what_was_missed(|rules| rules.back = Pace::Stalls);
}

#[test]
fn a_node_that_stays_cut_off_sends_its_sessions_away_and_the_others_end_them() {
    threads().block_on(async {
        let settings = [("USHER_SESSION__RESUME_WINDOW", "6s"), ("USHER_DRAIN__WINDOW", "1s")];
        let apart = Apart::with(&settings).await;
        let [first, second] = &apart.fleet.nodes[..] else { panic!("there are two") };
        let dial = |user: &str| {
            let offer = second.offer(&json!({"user": user}));
            async move { Welcomed::dial(first.address, &offer).await }
        };
        let (mut alice, mut bob) = (dial("alice").await, dial("bob").await);
        apart.cut(|rules| (rules.there, rules.back) = (Pace::Stalls, Pace::Stalls));
        for session in [&mut alice, &mut bob] {
            session.member.typed("closing").await;
            session.member.closed_with(4000).await;
        }
        let back = Welcomed::dial(second.address, &alice.resume()).await;
        assert_eq!(back.session, alice.session);
        until("whoever stays away ends", || sessions(second) == json!({"live": 1, "parked": 0}));
        Member::dial(second.address, &bob.resume()).await.closed_with(4202).await;
        apart.way.heal();
        until("both are ready", || apart.fleet.nodes.iter().all(|node| is_ready(node)));
        assert_eq!(sessions(first), json!({"live": 1, "parked": 0}));
        back.leave().await;
    });
}

#[test]
fn a_node_to_which_nothing_is_delivered_is_not_ready_though_redis_answers() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let mut alice = Welcomed::dial(api.address, &api.offer(&json!({"user": "alice"}))).await;
        fleet.redis.tell("ACL SETUSER default resetchannels");
        fleet.redis.tell("CLIENT KILL TYPE pubsub");
        until("both are unready", || fleet.nodes.iter().all(|node| !is_ready(node)));
        let until_then = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until_then {
            assert!(fleet.nodes.iter().all(|node| !is_ready(node)));
            a_moment().await;
        }
        fleet.redis.tell("ACL SETUSER default allchannels");
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        let sent = api.ask("POST", "/v1/users/alice/messages", &json!({"data": "hi"}));
        assert_eq!(alice.member.typed("message").await["id"], sent["id"]);
        let said = fleet.nodes[0].program.line_with("the engine cannot be used yet");
        assert!(said.contains("NOPERM"), "{said}");
    });
}
