//! Events of several nodes on one Redis, watched at one of them.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::{Event, What};
use serde_json::{Value, json};

use crate::{
    crowd::{Welcomed, threads},
    feed::{Feed, Seen},
    nodes::{Fleet, names, node},
    program::until,
    supervised::Api,
};

/// Sends to somebody who is not there, in that node's name: an event.
fn say(api: &Api, user: &str) -> String {
    let sent = api.ask("POST", &format!("/v1/users/{user}/messages"), &json!({"data": 1}));
    sent["id"].as_str().expect("a text").to_owned()
}

fn is_of(event: &Event, message: &str) -> bool {
    matches!(&event.what, What::MessageAccepted { message: one, .. } if one.to_string() == message)
}

/// Watches at the first node until it hears another: what that one accepts comes.
fn watch(api: &Api, other: &Api) -> Feed {
    let mut feed = Feed::open("n0", api, "", None);
    let mark = say(other, "nobody");
    feed.until(|event| is_of(event, &mark));
    feed
}

/// No event came twice, and each node's came in its order; a gap only at its end.
fn judge(seen: &[Seen]) {
    let mut last: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for one in seen {
        let node = (one.number.node.to_string(), one.number.generation);
        let before = last.insert(node, one.number.n).unwrap_or(0);
        assert!(before < one.number.n, "{one:?} after {before}");
        assert!(one.is_gap() || one.event.node == one.number.node, "{one:?}");
    }
}

/// How often Redis did a command.
fn calls(fleet: &Fleet, command: &str) -> u64 {
    let info = fleet.redis.info("commandstats");
    let line =
        info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let calls = line.and_then(|line| line.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[test]
fn what_happens_at_one_node_is_seen_at_another_in_order_and_once() {
    let mut fleet = Fleet::of(2);
    let mut feed = watch(&fleet.nodes[0], &fleet.nodes[1]);
    let second = fleet.nodes.pop().expect("there are two");
    let mut alice = Feed::open("n0", &fleet.nodes[0], "?user=alice", None);
    let mut types = Feed::open("n0", &fleet.nodes[0], "?type=node.draining,node.down", None);
    threads().block_on(async {
        let session =
            Welcomed::dial(second.address, &second.offer(&json!({"user": "alice"}))).await;
        second.ask("POST", "/v1/users/alice/messages", &json!({"data": 1}));
        say(&second, "bob");
        // One of its own stands among them.
        say(&fleet.nodes[0], "bob");
        session.leave().await;
    });
    let mut seen = feed.until(|event| event.what.name() == "user.offline");
    fleet.nodes[0].ask("POST", "/v1/nodes/n1/drain", &Value::Null);
    seen.extend(feed.until(|event| event.what == What::NodeDown));
    assert_eq!(second.end().code, Some(0));
    judge(&seen);
    let kinds = |seen: &[Seen]| -> Vec<String> {
        let of_second = seen.iter().filter(|one| *one.event.node == *"n1");
        of_second.map(|one| one.kind().to_owned()).collect()
    };
    let life = ["user.online", "session.opened", "message.accepted"];
    let end = ["session.ended", "user.offline"];
    let all = [&life[..], &["message.accepted"], &end, &["node.draining", "node.down"]].concat();
    assert_eq!(kinds(&seen), all);
    let of_first: Vec<_> = seen.iter().filter(|one| *one.event.node == *"n0").collect();
    assert_eq!(of_first.len(), 1, "{of_first:?}");
    let seen = alice.until(|event| event.what.name() == "user.offline");
    assert_eq!(kinds(&seen), [&life[..], &end].concat());
    assert_eq!(
        kinds(&types.until(|event| event.what == What::NodeDown)),
        ["node.draining", "node.down"]
    );

    // Who comes back goes on there; nobody tells the end of that node a second time.
    until("it is not listed any more", || names(&fleet.nodes[0]).len() == 1);
    let mut again = Feed::open("n0", &fleet.nodes[0], "", Some(&feed.last));
    let mark = say(&fleet.nodes[0], "carol");
    for feed in [&mut feed, &mut again] {
        assert!(is_of(&feed.next().event, &mark));
    }
}

#[test]
fn who_comes_back_gets_what_other_nodes_told_meanwhile() {
    let fleet = Fleet::of(2);
    let feed = watch(&fleet.nodes[0], &fleet.nodes[1]);
    let last = feed.last.clone();
    drop(feed);
    let marks: Vec<String> = (0..20).map(|n| say(&fleet.nodes[n % 2], "bob")).collect();
    let mut feed = Feed::open("n0", &fleet.nodes[0], "", Some(&last));
    let mut seen = Vec::new();
    while seen.len() < marks.len() {
        seen.push(feed.next());
    }
    judge(&seen);
    for mark in &marks {
        assert!(seen.iter().any(|one| is_of(&one.event, mark)), "{mark} is missing in {seen:?}");
    }
    // At the other node their order is another, so it says that something may be missing.
    let mut other = Feed::open("n1", &fleet.nodes[1], "", Some(&last));
    assert!(other.next().is_gap());
}

#[test]
fn a_node_that_starts_is_seen_and_one_that_is_killed_is_told_to_be_down_once() {
    let mut fleet = Fleet::of(2);
    let all = watch(&fleet.nodes[0], &fleet.nodes[1]);
    let mut feed = Feed::open("n0", &fleet.nodes[0], "?type=node.up,node.down", None);
    fleet.nodes.push(node("n2", &fleet.redis.url()));
    let seen = feed.next();
    assert_eq!((seen.kind(), &*seen.event.node), ("node.up", "n2"));
    fleet.nodes[2].program.kill();
    let seen = feed.next();
    assert_eq!((seen.kind(), &*seen.event.node), ("node.down", "n2"));
    assert_eq!(&*seen.number.node, "n0", "it is this node that says so");
    fleet.nodes[1].program.kill();
    let seen = feed.next();
    assert_eq!((seen.kind(), &*seen.event.node), ("node.down", "n1"));
    drop(all);
}

#[test]
fn what_was_told_of_a_node_that_stood_still_is_taken_back_when_it_goes_on() {
    let fleet = Fleet::of(2);
    let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
    let _all = watch(first, second);
    threads().block_on(async {
        let offer = second.offer(&json!({"user": "alice"}));
        let _alice = Welcomed::dial(second.address, &offer).await;
        let of_nodes = "?type=node.up,node.down";
        let mut nodes = Feed::open("n0", first, of_nodes, None);
        let mut alice = Feed::open("n0", first, "?user=alice", None);
        second.program.signal("STOP");
        let down = nodes.next();
        assert_eq!((down.kind(), &*down.event.node), ("node.down", "n1"));
        alice.until(|event| event.what.name() == "session.parked");
        second.program.signal("CONT");
        let up = nodes.next();
        assert_eq!((up.kind(), &*up.event.node), ("node.up", "n1"));
        let seen = alice.until(|event| event.what.name() == "session.resumed");
        assert!(seen.iter().all(|one| one.kind() != "session.ended"), "{seen:?}");
    });
}

#[test]
fn the_last_session_of_a_drain_is_told_to_be_parked_before_its_node_is_down() {
    let mut fleet = Fleet::of(2);
    let mut feed = watch(&fleet.nodes[0], &fleet.nodes[1]);
    let second = fleet.nodes.pop().expect("there are two");
    threads().block_on(async {
        let offer = second.offer(&json!({"user": "alice"}));
        let mut alice = Welcomed::dial(second.address, &offer).await;
        fleet.nodes[0].ask("POST", "/v1/nodes/n1/drain", &Value::Null);
        alice.member.typed("closing").await;
        alice.member.closed_with(4000).await;
    });
    let seen = feed.until(|event| event.what == What::NodeDown);
    assert!(seen.iter().any(|one| one.kind() == "session.parked"), "{seen:?}");
    assert_eq!(second.end().code, Some(0));
}

#[test]
fn what_redis_does_not_deliver_is_told_as_a_gap() {
    let fleet = Fleet::of(2);
    let mut feed = watch(&fleet.nodes[0], &fleet.nodes[1]);
    let mut all = Vec::new();
    for _ in 0..5 {
        let mut told = BTreeSet::from([say(&fleet.nodes[1], "bob")]);
        fleet.redis.tell("CLIENT KILL TYPE pubsub");
        for _ in 0..5 {
            let sent = fleet.nodes[1].call("POST", "/v1/users/bob/messages", &json!({"data": 1}));
            if let (200, Value::String(id)) = (sent.0, &sent.1["id"]) {
                told.insert(id.clone());
            }
        }
        until("both are ready", || {
            fleet.nodes.iter().all(|node| node.call("GET", "/readyz", &Value::Null).0 == 200)
        });
        let mark = say(&fleet.nodes[1], "carol");
        let mut seen =
            feed.until(|event| is_of(event, &mark) || matches!(event.what, What::Gap(_)));
        if seen.last().is_some_and(Seen::is_gap) {
            // The mark may be among what is missing; what is told now is not.
            let mark = say(&fleet.nodes[1], "carol");
            seen.extend(feed.until(|event| is_of(event, &mark)));
        }
        told.retain(|mark| !seen.iter().any(|one| is_of(&one.event, mark)));
        let is_told = seen.iter().any(Seen::is_gap);
        assert!(told.is_empty() || is_told, "{told:?} are lost in silence: {seen:?}");
        all.extend(seen);
    }
    judge(&all);
}

#[test]
fn nothing_is_published_while_nobody_watches() {
    let fleet = Fleet::of(2);
    let talk = || (0..50).for_each(|n| drop(say(&fleet.nodes[n % 2], "bob")));
    talk();
    assert_eq!(calls(&fleet, "publish"), 0);
    assert_eq!(calls(&fleet, "subscribe"), 0);
    let feed = watch(&fleet.nodes[0], &fleet.nodes[1]);
    talk();
    until("it is published", || calls(&fleet, "publish") > 0);
    assert_eq!(calls(&fleet, "subscribe"), 1, "only where somebody watches");
    drop(feed);
}
