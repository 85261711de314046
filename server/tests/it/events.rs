//! Events: what a watcher sees over HTTP, and what it misses.

use std::time::Duration;

use protocol::{
    event::{Gap, GapReason, Kind, What},
    http::SendRequest,
    limit,
    name::UserId,
};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    config::{Config, Session as SessionConfig},
};

use crate::{
    feed::{Ask, Feed},
    node::{Node, config, soon, text, with_node},
};

/// Accepts messages for a user who is not there, past HTTP: an event for each.
async fn say(node: &Node, user: &str, count: usize) {
    let user = UserId::parse(user).unwrap();
    for _ in 0..count {
        let request = SendRequest::new(serde_json::from_str("1").unwrap());
        node.running.node().send(&user, request, None).await.unwrap();
    }
}

/// The types and codes of the next events, as `session.ended 4409`.
async fn told(feed: &mut Feed, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..count {
        let event = feed.block().await.json();
        let code = event.get("code").map(|code| format!(" {code}")).unwrap_or_default();
        told.push(format!("{}{code}", text(&event["type"])));
    }
    told
}

#[test]
fn an_event_is_a_block_of_lines_with_an_id_its_type_and_its_data() {
    with_node(config(), async |node| {
        let mut feed = node.feed("").await;
        say(node, "alice", 2).await;
        let first = feed.block().await;
        let (second, generation) = (feed.block().await, node.running.node().me().generation);
        let data = first.json();
        let expected = json!({
            "at": data["at"], "node": "n1", "type": "message.accepted", "user": "alice",
            "message": data["message"], "live": 0, "parked": 0,
        });
        assert_eq!(data, expected);
        assert_eq!(first.told().what.name(), "message.accepted");
        assert_eq!((first.comment, first.retry), (false, None));
        let number = first.number();
        assert_eq!((number.node.as_ref(), number.generation), ("n1", generation));
        assert_eq!(second.number().n, number.n + 1);
        assert_eq!(first.id, Some(format!("n1.{generation:x}.{}", number.n)));
    });
}

#[test]
fn the_life_of_a_session_is_told_in_order() {
    with_node(config(), async |node| {
        let mut feed = node.feed("?user=alice").await;
        let session = node.join("alice").await;
        let (id, token, position) =
            (session.id.clone(), session.token.clone(), session.position.clone());
        assert_eq!(told(&mut feed, 2).await, ["user.online", "session.opened"]);
        session.peer.vanish();
        assert_eq!(told(&mut feed, 1).await, ["session.parked 1006"]);
        let mut back = node.resume(&token, &position).await;
        assert_eq!(back.id, id);
        assert_eq!(told(&mut feed, 1).await, ["session.resumed"]);
        node.send("alice", &json!({"data": 1})).await;
        assert_eq!(told(&mut feed, 1).await, ["message.accepted"]);
        back.send(&json!({"type": "leave"})).await;
        assert_eq!(told(&mut feed, 2).await, ["session.ended 1000", "user.offline"]);
        // Bob's are not alice's.
        node.join("bob").await.peer.vanish();
        node.join("alice").await;
        assert_eq!(told(&mut feed, 2).await, ["user.online", "session.opened"]);
    });
}

#[test]
fn a_session_that_is_replaced_ends_once_and_its_user_stays_online() {
    with_node(config(), async |node| {
        let mut feed = node.feed("?user=alice").await;
        let single = json!({"user": "alice", "policy": "single"});
        let mut old = node.join_with(&single).await;
        assert_eq!(told(&mut feed, 2).await, ["user.online", "session.opened"]);
        let new = node.join_with(&single).await;
        let events = [feed.event().await.what, feed.event().await.what];
        let [
            What::SessionEnded { session, code: 4409, .. },
            What::SessionOpened { session: opened, .. },
        ] = &events
        else {
            panic!("{events:?}")
        };
        assert_eq!((session.to_string(), opened.to_string()), (old.id.clone(), new.id.clone()));
        old.typed("closing").await;
        old.closed_with(4409, "replaced").await;
        // Nothing more is told of the old one.
        say(node, "alice", 1).await;
        assert_eq!(told(&mut feed, 1).await, ["message.accepted"]);
    });
}

#[test]
fn a_parked_session_that_is_ended_or_runs_out_is_told_of_once() {
    let brief = SessionConfig { resume_window: Duration::from_secs(1), ..SessionConfig::default() };
    with_node(Config { session: brief, ..config() }, async |node| {
        let mut feed = node.feed("?user=alice").await;
        let (one, two) = (node.join("alice").await, node.join("alice").await);
        let opened = ["user.online", "session.opened", "session.opened"];
        assert_eq!(told(&mut feed, 3).await, opened);
        let kicked = one.id.clone();
        one.peer.vanish();
        assert_eq!(told(&mut feed, 1).await, ["session.parked 1006"]);
        let reply = node.ask("DELETE", &format!("/v1/sessions/{kicked}"), &Value::Null).await;
        assert_eq!(reply, json!({"closed": 1}));
        assert_eq!(told(&mut feed, 1).await, ["session.ended 4410"]);
        two.peer.vanish();
        let over = ["session.parked 1006", "session.ended 4202", "user.offline"];
        assert_eq!(told(&mut feed, 3).await, over);
    });
}

#[test]
fn a_user_who_is_blocked_goes_offline_with_all_sessions() {
    with_node(config(), async |node| {
        let mut feed = node.feed("?user=alice&type=session.ended,user.offline").await;
        let (live, parked) = (node.join("alice").await, node.join("alice").await);
        let mut watch = node.watch();
        let id = parked.id.clone();
        parked.peer.vanish();
        watch.parked(&id).await;
        let reply = node.ask("PUT", "/v1/users/alice/block", &json!({})).await;
        assert_eq!(reply, json!({"blocked": true, "closed": 2}));
        let all = ["session.ended 4403", "session.ended 4403", "user.offline"];
        assert_eq!(told(&mut feed, 3).await, all);
        drop(live);
    });
}

#[test]
fn a_message_to_everyone_is_told_once_and_is_nobodys_alone() {
    with_node(config(), async |node| {
        let sessions = [node.join("alice").await, node.join("bob").await];
        let mut feed = node.feed("?type=message.accepted").await;
        let mut alices = node.feed("?user=alice").await;
        let sent = node.ask("POST", "/v1/messages", &json!({"everyone": true, "data": 1})).await;
        say(node, "alice", 1).await;
        let event = feed.block().await.json();
        let expected = json!({
            "at": event["at"], "node": "n1", "type": "message.accepted", "message": sent["id"],
            "everyone": true,
        });
        assert_eq!(event, expected);
        let message = feed.event().await.what;
        assert_eq!(message.user().map(UserId::as_str), Some("alice"));
        assert_eq!(alices.event().await.what, message);
        drop(sessions);
    });
}

#[test]
fn a_message_that_is_sent_again_under_its_key_is_told_once() {
    with_node(config(), async |node| {
        let mut feed = node.feed("").await;
        let mut caller = node.caller().await;
        for _ in 0..2 {
            let headers = [("Idempotency-Key", "k1")];
            let path = "/v1/users/alice/messages";
            let response = caller.call_with("POST", path, &headers, br#"{"data":1}"#).await;
            assert_eq!(response.status, 200, "{response:?}");
        }
        say(node, "bob", 1).await;
        for user in ["alice", "bob"] {
            assert_eq!(feed.block().await.json()["user"], user);
        }
    });
}

#[test]
fn a_refused_attempt_is_told_with_its_problem_and_from_where_it_came() {
    with_node(config(), async |node| {
        let mut feed = node.feed("?type=ticket.refused").await;
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        let foreign = [("Sec-WebSocket-Protocol", offer.as_str()), ("Origin", "https://a.example")];
        let mut peer = crate::peer::Peer::dial(node.address, &foreign, "").await.unwrap();
        peer.closed_with(4403, "forbidden").await;
        let event = feed.block().await.json();
        let expected = json!({
            "at": event["at"], "node": "n1", "type": "ticket.refused", "problem": "forbidden",
            "code": 4403, "origin": "https://a.example", "address": "127.0.0.1",
        });
        assert_eq!(event, expected);
        assert!(!event.to_string().contains(&ticket));
    });
}

#[test]
fn types_may_be_separated_by_commas_or_be_there_several_times() {
    with_node(config(), async |node| {
        let mut feeds = [
            node.feed("?type=session.parked,user.online").await,
            node.feed("?type=session.parked&type=user.online").await,
        ];
        node.join("alice").await.peer.vanish();
        for feed in &mut feeds {
            assert_eq!(told(feed, 2).await, ["user.online", "session.parked 1006"]);
        }
    });
}

#[test]
fn a14_a_parameter_of_the_feed_that_is_wrong_is_refused() {
    with_node(config(), async |node| {
        for (query, detail) in [
            ("?type=session.openned", "did you mean session.opened?"),
            ("?type=", "type must be one of session.opened, "),
            ("?type=session.opened,", "type must be one of session.opened, "),
            ("?type=session.*", "type must be one of session.opened, "),
            ("?user=", "must not be empty"),
            ("?user=a&user=b", "user is there twice"),
            ("?users=a", "users is not known here; did you mean user?"),
        ] {
            let response = node.call("GET", &format!("/v1/events{query}"), &Value::Null).await;
            assert_eq!((response.status, response.code().as_str()), (400, "bad-parameter"));
            assert!(response.body.contains(detail), "{query}: {}", response.body);
        }
        for after in ["7", "n1.7", "n1.x.7", "n1.1.-1", "n1.1.7 "] {
            let mut caller = node.caller().await;
            let headers = [("Last-Event-ID", after)];
            let response = caller.call_with("GET", "/v1/events", &headers, b"").await;
            match after.trim() == after {
                true => assert_eq!(response.code(), "bad-parameter", "{after}"),
                // Space around a value is no part of it.
                false => assert_eq!(response.status, 200),
            }
        }
    });
}

#[test]
fn a_watcher_that_comes_back_gets_what_it_missed() {
    with_node(config(), async |node| {
        let mut feed = node.feed("").await;
        say(node, "alice", 3).await;
        let first = feed.block().await;
        let missed = [feed.block().await, feed.block().await];
        feed.reset();
        say(node, "alice", 1).await;
        let mut feed = node.feed_after("", first.id.as_deref().unwrap()).await;
        for missed in &missed {
            assert_eq!(feed.block().await, *missed);
        }
        let last = feed.block().await;
        assert_eq!(last.number().n, missed[1].number().n + 1);
        // It may also be at the end, with a filter.
        let mut feed = node.feed_after("?user=bob", last.id.as_deref().unwrap()).await;
        say(node, "bob", 1).await;
        assert_eq!(feed.block().await.number().n, last.number().n + 1);
    });
}

#[test]
fn what_a_watcher_missed_for_good_is_told_as_a_gap() {
    with_node(config(), async |node| {
        let mut feed = node.feed("").await;
        say(node, "alice", 1).await;
        let first = feed.block().await.number();
        say(node, "alice", limit::EVENTS_KEPT + 10).await;
        let mut late = node.feed_after("?type=user.online", &first.to_string()).await;
        let block = late.block().await;
        let What::Gap(Gap { after, until, reason: GapReason::Expired, missed: Some(10) }) =
            block.told().what
        else {
            panic!("{block:?}")
        };
        assert_eq!((after.n, until.n), (first.n, first.n + 10));
        // Who comes back from here has heard of it.
        assert_eq!(block.number(), until);
        let mut again = node.feed_after("?type=message.accepted", &until.to_string()).await;
        assert_eq!(again.block().await.number().n, until.n + 1);

        let generation = first.generation;
        for (id, reason) in [
            (format!("n1.{:x}.{}", generation - 1, first.n), GapReason::Restarted),
            (format!("n2.{generation:x}.{}", first.n), GapReason::Unknown),
            (format!("n1.{generation:x}.{}", first.n + 100_000), GapReason::Unknown),
        ] {
            let mut feed = node.feed_after("", &id).await;
            let What::Gap(gap) = feed.event().await.what else { panic!("{id}") };
            assert_eq!((gap.after.to_string(), gap.reason, gap.missed), (id, reason, None));
            let next = feed.block().await;
            assert_eq!(next.number().n, gap.until.n + 1, "all that is kept follows");
        }
    });
}

#[test]
fn a_watcher_that_reads_too_slowly_is_told_of_a_gap_and_holds_up_nobody() {
    with_node(config(), async |node| {
        let slow = Ask { room: 4096, ..Ask::default() };
        let mut slow = node.feed_as(&slow).await;
        let mut quick = node.feed("?user=bob").await;
        // More than all buffers on the way and the journal hold.
        const MANY: usize = 60_000;
        for _ in 0..MANY / 4000 {
            say(node, "alice", 4000).await;
            say(node, "bob", 1).await;
            assert_eq!(told(&mut quick, 1).await, ["message.accepted"]);
        }
        let session = node.join("bob").await;
        slow.block().await;
        let (mut last, mut missed) = (None, 0);
        loop {
            let block = slow.block().await;
            let number = block.number().n;
            match block.told().what {
                What::Gap(gap) => {
                    assert_eq!(gap.reason, GapReason::Slow);
                    assert_eq!((gap.after.n, gap.until.n), (last.unwrap(), number));
                    assert_eq!(gap.missed, Some(gap.until.n - gap.after.n));
                    missed += gap.missed.unwrap();
                }
                what => {
                    assert_eq!(number, last.unwrap_or(number - 1) + 1);
                    if what.kind() == Some(Kind::SessionOpened) {
                        break;
                    }
                }
            }
            last = Some(number);
        }
        assert!(missed > 0, "nothing was too much for it");
        drop(session);
    });
}

#[test]
fn statistics_come_once_a_second_to_those_who_ask_for_them() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        node.send("alice", &json!({"data": 1})).await;
        let mut feed = node.feed("?type=stats&user=alice").await;
        let mut at = Vec::new();
        for _ in 0..3 {
            let block = feed.block().await;
            assert_eq!(block.id, None, "there is nothing to come back to");
            let What::Stats(stats) = block.told().what else { panic!("{block:?}") };
            assert_eq!((stats.users, stats.sessions.live, stats.messages.accepted), (1, 1, 1));
            at.push(block.json()["at"].as_u64().unwrap());
        }
        let between: Vec<u64> = at.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(between.iter().all(|ms| (900..5000).contains(ms)), "{between:?}");
        drop(session);
    });
}

#[test]
fn there_is_room_for_so_many_watchers_and_no_more() {
    with_node(config(), async |node| {
        let mut feeds = Vec::new();
        for _ in 0..limit::EVENT_WATCHERS_MAX {
            feeds.push(node.feed("").await);
        }
        let refused = node.call("GET", "/v1/events", &Value::Null).await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
        // Who goes makes room.
        feeds.pop().unwrap().reset();
        let made = async {
            loop {
                say(node, "alice", 1).await;
                if node.try_feed(&Ask::default()).await.opened.status == 200 {
                    return;
                }
            }
        };
        soon("a place", made).await;
    });
}

#[test]
fn a_watcher_sees_the_node_go_and_does_not_hold_it_up() {
    with_node(config(), async |node| {
        let mut feed = node.feed("?type=node.draining,session.parked").await;
        let session = node.join("alice").await;
        let mut peer = session.peer;
        let (left, ()) = tokio::join!(node.running.drain(), async {
            assert_eq!(told(&mut feed, 1).await, ["node.draining"]);
            peer.typed("closing").await;
            peer.closed_with(4000, "drain").await;
            assert_eq!(told(&mut feed, 1).await, ["session.parked 4000"]);
        });
        assert_eq!(left, 0);
    });
}

#[test]
fn a_node_tells_first_that_it_is_there() {
    with_node(config(), async |node| {
        let generation = node.running.node().me().generation;
        let mut feed = node.feed_after("", &format!("n1.{generation:x}.0")).await;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        assert_eq!(feed.event().await.what, What::NodeUp { version });
        assert_eq!(feed.event().await.what, What::EngineUp);
    });
}

#[test]
fn a_feed_ends_with_the_node_in_good_order_and_one_that_nobody_reads_is_cut_off() {
    let listener = server::serve::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let running = server::serve::start(config(), vec![listener]).unwrap();
    let address = running.addresses()[0];
    let node = Node { running, address };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut feed, stuck) = runtime.block_on(async {
        let stuck = node.feed_as(&Ask { room: 4096, ..Ask::default() }).await;
        say(&node, "alice", 60_000).await;
        (node.feed("").await, stuck)
    });
    let stopping = Clock::timestamp();
    node.running.stop();
    let took = Clock::timestamp().ms_since(stopping);
    assert!(took < 3000, "it took {took} ms");
    runtime.block_on(async {
        assert_eq!(feed.event().await.what, What::NodeDown);
        assert_eq!(feed.next().await, None);
        drop(stuck);
    });
}

#[test]
fn a1_a_feed_wants_a_key_as_all_calls_do() {
    with_node(config(), async |node| {
        for path in ["/v1/events", "/v1/stats", "/metrics"] {
            let mut caller = node.caller().await;
            let head = format!("GET {path} HTTP/1.1\r\nHost: usher\r\n\r\n");
            caller.write(head.as_bytes()).await;
            let response = caller.response().await;
            assert_eq!((response.status, response.code().as_str()), (401, "key-refused"));
        }
    });
}
