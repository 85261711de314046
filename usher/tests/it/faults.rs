//! Faults: what happens to people of a fleet when a process stands still, comes back under its old
//! name, or Redis is slow, full, or holds what is not ours.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    crowd::{Came, Member, Welcomed, a_moment, threads},
    nodes::{Fleet, is_ready, names, node_at, sessions},
    people::{Backend, judge, people},
    program::until,
    supervised::Api,
};

#[test]
fn h14_a_ticket_that_is_raced_on_all_nodes_lets_one_in() {
    const RACES: usize = 200;
    let fleet = Fleet::of(3);
    threads().block_on(async {
        for race in 0..RACES {
            let user = format!("racer-{race}");
            let offer = fleet.nodes[race % 3].offer(&json!({"user": user}));
            let dials = fleet.nodes.iter().map(|node| Member::dial(node.address, &offer));
            let mut welcomed = 0;
            for mut member in join_all(dials).await {
                match member.next().await {
                    Came::Frame(frame) if frame["type"] == "welcome" => welcomed += 1,
                    Came::Close(4201) => {}
                    other => panic!("{race}: {other:?}"),
                }
            }
            assert_eq!(welcomed, 1, "{race}");
        }
    });
}

#[test]
fn one_place_that_is_raced_on_two_nodes_is_held_by_one() {
    const RACES: usize = 100;
    let fleet = Fleet::of(2);
    threads().block_on(async {
        for race in 0..RACES {
            let request = json!({"user": format!("racer-{race}"), "policy": "single"});
            let offers = [0, 1].map(|node| fleet.nodes[node].offer(&request));
            let dials = [0, 1].map(|node| Member::dial(fleet.nodes[node].address, &offers[node]));
            let mut ends = Vec::new();
            let mut members = Vec::new();
            for mut member in join_all(dials).await {
                match member.next().await {
                    Came::Frame(frame) if frame["type"] == "welcome" => members.push(member),
                    Came::Frame(_) | Came::Close(4409) => ends.push("replaced"),
                    other => panic!("{race}: {other:?}"),
                }
            }
            // Whoever holds the place is sent this, and the other is not.
            let user = format!("/v1/users/racer-{race}");
            let sessions = fleet.nodes[0].ask("GET", &format!("{user}/sessions"), &Value::Null);
            assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
            let asked = json!({"data": "who is there?"});
            fleet.nodes[1].ask("POST", &format!("{user}/messages"), &asked);
            for mut member in members {
                match member.next().await {
                    Came::Frame(frame) if frame["type"] == "message" => ends.push("held"),
                    Came::Frame(_) | Came::Close(4409) => ends.push("replaced"),
                    other => panic!("{race}: {other:?}"),
                }
            }
            ends.sort_unstable();
            assert_eq!(ends, ["held", "replaced"], "{race}");
        }
    });
}

#[test]
fn a_node_that_stood_still_for_longer_than_its_lease_serves_nobody_whom_it_lost() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 6, &api).await;
        let backend = Backend::start(&api, &people);
        fleet.nodes[0].program.signal("STOP");
        until("it is taken for lost", || !names(&api).contains_key("n0"));
        fleet.nodes[0].program.signal("CONT");
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        until("everybody is back", || sessions(&api) == json!({"live": 6, "parked": 0}));
        let senders = backend.stop();
        judge(people, &senders).await;
        // Who leaves is answered while the registry is still being told.
        until("no ghost is left", || sessions(&api) == json!({"live": 0, "parked": 0}));
    });
}

#[test]
fn c13_a_node_that_is_killed_and_started_at_once_under_its_name_counts_nobody_twice() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 6, &api).await;
        let backend = Backend::start(&api, &people);
        let address = fleet.nodes[0].address;
        fleet.nodes[0].program.kill();
        fleet.nodes[0] = node_at(address, "n0", &fleet.redis.url());
        until("everybody is back", || sessions(&api) == json!({"live": 6, "parked": 0}));
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0);
    });
}

#[test]
fn a_redis_that_stands_still_loses_nothing_in_silence() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        backend.is_under_way();
        fleet.redis.signal("STOP");
        until("both are unready", || fleet.nodes.iter().all(|node| !is_ready(node)));
        // Not even tried: what is only unanswered would be done when it goes on.
        let sent = api.call("POST", "/v1/users/nobody/messages", &json!({"data": 1}));
        assert_eq!(sent.0, 503, "{sent:?}");
        fleet.redis.signal("CONT");
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        until("everybody is back", || sessions(&api) == json!({"live": 4, "parked": 0}));
        let senders = backend.stop();
        judge(people, &senders).await;
    });
}

#[test]
fn a_redis_that_forgets_everything_costs_nobody_a_session() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        backend.is_under_way();
        fleet.redis.tell("FLUSHALL");
        backend.is_under_way();
        until("everybody is there", || sessions(&api) == json!({"live": 4, "parked": 0}));
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert!(judge(people, &senders).await >= 4, "everybody is told what was lost");
    });
}

#[test]
fn c14_a_redis_that_is_full_accepts_nothing_and_keeps_what_it_has() {
    let mut fleet = Fleet::of(2);
    let is_full = |node: &Api, full: u8| {
        let metrics = node.call("GET", "/metrics", &Value::Null).1;
        metrics.as_str().is_some_and(|all| all.contains(&format!("\nusher_engine_full {full}\n")))
    };
    threads().block_on(async {
        let [first, second]: [Api; 2] = [0, 1].map(|node| (*fleet.nodes[node]).clone());
        let offer = second.offer(&json!({"user": "alice", "send": "any"}));
        let mut alice = Welcomed::dial(first.address, &offer).await;
        let late = second.offer(&json!({"user": "alice"}));
        fleet.redis.tell("CONFIG SET maxmemory 1");
        let message = json!({"data": "lost"});
        let (status, problem) = second.call("POST", "/v1/users/alice/messages", &message);
        assert_eq!((status, &problem["code"]), (503, &json!("engine-full")), "{problem}");
        assert!(problem["retry_ms"].is_u64(), "{problem}");
        let (status, problem) = second.call("POST", "/v1/tickets", &json!({"user": "bob"}));
        assert_eq!((status, &problem["code"]), (503, &json!("engine-full")), "{problem}");
        let mut refused = Member::dial(second.address, &late).await;
        assert!(refused.typed("closing").await["retry_ms"].is_u64());
        refused.closed_with(4003).await;
        let said = json!({"type": "send", "ref": "1", "user": "alice", "data": "lost"});
        alice.member.send(&said).await;
        assert_eq!(alice.member.typed("reply").await["error"]["code"], "engine-full");
        until("it is told", || is_full(&first, 1) && is_full(&second, 1));
        // Leases would lapse and be swept, if they were not held.
        let until_swept = Instant::now() + Duration::from_secs(12);
        while Instant::now() < until_swept {
            assert!(is_ready(&first) && is_ready(&second));
            assert_eq!(sessions(&second), json!({"live": 1, "parked": 0}));
            a_moment().await;
        }
        fleet.redis.tell("CONFIG SET maxmemory 0");
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": "arrives"}));
        assert_eq!(sent["matched"], 1);
        assert_eq!(alice.member.typed("message").await["data"], "arrives");
        Welcomed::dial(second.address, &late).await.leave().await;
        until("that is over", || is_full(&first, 0) && is_full(&second, 0));
        let at = fleet.redis.at();
        let said = fleet.nodes[0].program.line_with("the engine has no room");
        assert!(said.contains(&at) && said.contains("maxmemory"), "{said}");
        let next = fleet.nodes[0].program.line_with("the engine");
        assert!(next.contains("the engine has room again"), "{next}");
    });
}

#[test]
fn what_others_wrote_under_our_keys_harms_nobody_else() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
        let mut bob = Welcomed::dial(first.address, &second.offer(&json!({"user": "bob"}))).await;
        Welcomed::dial(first.address, &second.offer(&json!({"user": "alice"}))).await;
        let keys = fleet.redis.list("KEYS *user:alice");
        let [key] = &keys[..] else { panic!("{keys:?}") };
        fleet.redis.tell(&format!("SET {key} nonsense"));
        let sent = second.call("POST", "/v1/users/alice/messages", &json!({"data": 1}));
        assert!(matches!(sent.0, 503 | 504), "{sent:?}");
        assert!((500..600).contains(&second.call("GET", "/v1/users/alice", &Value::Null).0));
        let sent = second.ask("POST", "/v1/users/bob/messages", &json!({"data": "hi"}));
        assert_eq!(sent["matched"], 1);
        assert_eq!(bob.member.typed("message").await["data"], "hi");
        assert!(is_ready(first) && is_ready(second));
    });
}
