//! Pausing: a node that could not renew its leases acts for nobody whom others may have by then.

use std::{io::Write, net::TcpStream, time::Duration};

use serde_json::json;

use crate::{
    crowd::{Came, Welcomed, threads},
    nodes::{Fleet, is_parked, is_ready, names, sessions},
    program::until,
    redis::Redis,
    supervised::{Supervised, UNLIMITED, serve},
};

#[test]
fn a_node_that_stood_still_gives_a_session_that_was_replaced_nothing_and_takes_nothing_from_it() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
        let alice = json!({"user": "alice", "policy": "single", "send": "any"});
        let mut old = Welcomed::dial(first.address, &second.offer(&alice)).await;
        let mut bob = Welcomed::dial(second.address, &second.offer(&json!({"user": "bob"}))).await;
        first.program.signal("STOP");
        // Its lease holds still, so it is sent this: it lies on its doorstep.
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": "old"}));
        assert_eq!(sent["live"], 1);
        let void = json!({"type": "send", "ref": "1", "user": "bob", "data": "void"});
        old.member.send(&void).await;
        until("it is taken for lost", || is_parked(second, "alice"));
        let mut new = Welcomed::dial(second.address, &second.offer(&alice)).await;
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": "new"}));
        assert_eq!((&sent["live"], &sent["matched"]), (&json!(1), &json!(1)));
        first.program.signal("CONT");
        old.member.typed("closing").await;
        old.member.closed_with(4409).await;
        assert_eq!(new.member.typed("message").await["data"], "new");
        second.ask("POST", "/v1/users/bob/messages", &json!({"data": "last"}));
        assert_eq!(bob.member.typed("message").await["data"], "last");
    });
}

#[test]
fn h30_a_try_that_was_given_up_while_its_node_stood_still_takes_no_token_away() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
        let alice = Welcomed::dial(first.address, &first.offer(&json!({"user": "alice"}))).await;
        let resume = alice.resume();
        drop(alice);
        until("she is parked", || sessions(second) == json!({"live": 0, "parked": 1}));
        first.program.signal("STOP");
        let head = format!(
            "GET /v1/connect HTTP/1.1\r\nHost: usher\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {resume}\r\n\r\n"
        );
        let mut given_up = TcpStream::connect(first.address).expect("the system takes it");
        given_up.write_all(head.as_bytes()).expect("the system takes it");
        drop(given_up);
        let back = Welcomed::dial(second.address, &resume).await;
        first.program.signal("CONT");
        // Comes behind the other, which is dealt with by then.
        Welcomed::dial(first.address, &second.offer(&json!({"user": "bob"}))).await.leave().await;
        let newest = back.resume();
        drop(back);
        until("she is parked", || sessions(second) == json!({"live": 0, "parked": 1}));
        Welcomed::dial(second.address, &newest).await.leave().await;
    });
}

#[test]
fn a_node_that_stood_still_goes_on_with_sessions_that_are_still_its_own() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
        let alice = json!({"user": "alice", "send": "any"});
        let mut alice = Welcomed::dial(first.address, &second.offer(&alice)).await;
        let mut bob = Welcomed::dial(second.address, &second.offer(&json!({"user": "bob"}))).await;
        first.program.signal("STOP");
        let mut sent = Vec::new();
        for data in ["before", "after"] {
            let message = second.ask("POST", "/v1/users/alice/messages", &json!({"data": data}));
            assert_eq!(message["matched"], 1);
            sent.push(message["id"].clone());
            until("it is taken for lost", || !names(second).contains_key("n0"));
        }
        let said = json!({"type": "send", "ref": "1", "user": "bob", "data": "it goes on"});
        alice.member.send(&said).await;
        first.program.signal("CONT");
        let mut replied = false;
        while !sent.is_empty() || !replied {
            match alice.member.next().await {
                Came::Frame(frame) if frame["type"] == "message" => {
                    assert_eq!(frame["id"], sent.remove(0));
                }
                Came::Frame(frame) if frame["type"] == "reply" => {
                    assert!(frame["id"].is_string(), "{frame}");
                    replied = true;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(bob.member.typed("message").await["data"], "it goes on");
    });
}

#[test]
fn sessions_are_neither_heard_nor_given_up_while_redis_stands_still_for_longer_than_a_lease() {
    let redis = Redis::start(&[]);
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_ENGINE__URL", redis.url())
        .env("USHER_SESSION__PING", "4s")
        .env("USHER_SESSION__PONG_WAIT", "2s");
    let node = Supervised::start(&mut command);
    threads().block_on(async {
        let offer = node.offer(&json!({"user": "alice", "send": "any"}));
        let mut alice = Welcomed::dial(node.address, &offer).await;
        redis.signal("STOP");
        until("it is unready", || !is_ready(&node));
        // Asked for life just before its node's lease is over, it does not answer in time.
        alice.member.typed("ping").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let said = json!({"type": "send", "ref": "1", "user": "alice", "data": 1});
        alice.member.send(&said).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        redis.signal("CONT");
        // If it had been heard before, it would have been refused.
        let reply = alice.member.typed("reply").await;
        assert!(reply["id"].is_string(), "{reply}");
        assert_eq!(sessions(&node), json!({"live": 1, "parked": 0}));
    });
}
