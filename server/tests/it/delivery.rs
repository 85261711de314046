//! Messages: to whom they go, once and in order, and what their senders are told.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use server::clock::Clock;

use crate::{
    node::{Node, config, passed, text, with_node},
    peer::Session,
};

#[test]
fn every_session_of_a_user_gets_each_message_once_and_in_order_and_nobody_else_does() {
    with_node(config(), async |node| {
        let mut phone = node.join("alice").await;
        let mut laptop = node.join("alice").await;
        let mut bob = node.join("bob").await;
        let mut ids = BTreeSet::new();
        for number in 0..100 {
            let sent = node.send("alice", &json!({"data": number})).await;
            assert_eq!((&sent["matched"], &sent["live"]), (&json!(2), &json!(2)));
            assert_eq!((&sent["parked"], &sent["durability"]), (&json!(0), &json!("memory")));
            assert_eq!(sent.get("echoed"), None);
            let (one, other) = (phone.message().await, laptop.message().await);
            assert_eq!(one, other);
            assert_eq!((&one["id"], &one["data"]), (&sent["id"], &json!(number)));
            assert_eq!((&one["position"], one.get("from")), (&sent["position"], None));
            assert!(ids.insert(text(&sent["id"])));
        }
        for session in [&mut phone, &mut laptop, &mut bob] {
            session.in_step().await;
        }
    });
}

#[test]
fn a_burst_arrives_whole_and_in_order() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        let send = async |caller: u32| {
            let mut call = node.caller().await;
            for number in 0..250_u32 {
                let body = json!({"data": [caller, number]});
                call.ask("POST", "/v1/users/alice/messages", &body).await;
            }
        };
        let all = async {
            let mut next = [0_u64; 4];
            let mut last = String::new();
            for _ in 0..1000 {
                let message = session.message().await;
                let caller = usize::try_from(message["data"][0].as_u64().unwrap()).unwrap();
                let next = &mut next[caller];
                assert_eq!(message["data"][1], *next);
                *next += 1;
                assert_ne!(message["position"], last);
                last = text(&message["position"]);
            }
        };
        tokio::join!(all, send(0), send(1), send(2), send(3));
        session.in_step().await;
    });
}

#[test]
fn a11_a_message_for_who_is_not_there_matches_nobody_and_is_not_kept() {
    with_node(config(), async |node| {
        let sent = node.send("nobody", &json!({"data": 1})).await;
        let id = &sent["id"];
        let nobody = json!({"id": id, "matched": 0, "live": 0, "parked": 0, "durability": "none"});
        assert_eq!(sent, nobody);
        let mut late = node.join("nobody").await;
        late.in_step().await;
    });
}

/// Which of the sessions get a message; all are asked in turn, so none is asked too early.
async fn reached<'a>(sessions: &mut [(&'a str, Session)]) -> Vec<&'a str> {
    let mut reached = Vec::new();
    for (name, session) in sessions {
        session.send(&json!({"type": "ping"})).await;
        let mut messages = 0;
        loop {
            let frame = session.json().await;
            match frame["type"].as_str() {
                Some("message") => messages += 1,
                Some("pong") => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(messages <= 1, "{name} got {messages}");
        if messages == 1 {
            reached.push(*name);
        }
    }
    reached
}

#[test]
fn to_chooses_among_the_sessions_of_the_user() {
    async fn check(node: &Node, sessions: &mut [(&str, Session)], request: Value, who: &[&str]) {
        let sent = node.send("alice", &request).await;
        assert_eq!(reached(sessions).await, who, "{request}");
        assert_eq!(sent["matched"], who.len(), "{request}");
    }

    with_node(config(), async |node| {
        let join = async |device: &str, class: &str| {
            // Of two that come in the same millisecond neither is the newest.
            passed(Clock::timestamp()).await;
            node.join_with(&json!({"user": "alice", "device": device, "device_class": class})).await
        };
        let mut all = [
            ("phone", join("d1", "phone").await),
            ("tab 1", join("d2", "desktop").await),
            ("tab 2", join("d2", "desktop").await),
        ];
        let id = |n: usize| all[n].1.id.clone();
        let (phone, tab) = (id(0), id(1));
        let everyone = ["phone", "tab 1", "tab 2"];
        let all = &mut all;
        check(node, all, json!({"data": 1}), &everyone).await;
        check(node, all, json!({"data": 1, "to": "all"}), &everyone).await;
        check(node, all, json!({"data": 1, "to": "device:d1"}), &["phone"]).await;
        check(node, all, json!({"data": 1, "to": "device:d2"}), &["tab 1", "tab 2"]).await;
        check(node, all, json!({"data": 1, "to": "device:d3"}), &[]).await;
        check(node, all, json!({"data": 1, "to": "class:desktop"}), &["tab 1", "tab 2"]).await;
        check(node, all, json!({"data": 1, "to": "class:tv"}), &[]).await;
        check(node, all, json!({"data": 1, "to": format!("session:{tab}")}), &["tab 1"]).await;
        check(node, all, json!({"data": 1, "except": phone}), &["tab 1", "tab 2"]).await;
        let but_one = json!({"data": 1, "to": "device:d2", "except": tab});
        check(node, all, but_one, &["tab 2"]).await;
        let none = json!({"data": 1, "to": format!("session:{tab}"), "except": tab});
        check(node, all, none, &[]).await;
        let volatile = json!({"data": 1, "to": "class:phone", "volatile": true});
        check(node, all, volatile, &["phone"]).await;
        // The newest at first, then the one that was used last.
        check(node, all, json!({"data": 1, "to": "active"}), &["tab 2"]).await;
        all[0].1.send(&json!({"type": "active"})).await;
        all[0].1.in_step().await;
        check(node, all, json!({"data": 1, "to": "active"}), &["phone"]).await;
        // By its own path.
        let path = format!("/v1/sessions/{tab}/messages");
        let sent = node.ask("POST", &path, &json!({"data": 1})).await;
        assert_eq!((&sent["matched"], reached(all).await), (&json!(1), vec!["tab 1"]));
        for both in [json!({"data": 1, "to": "all"}), json!({"data": 1, "except": tab})] {
            let refused = node.call("POST", &path, &both).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "unknown-field"));
        }
    });
}

#[test]
fn a_volatile_message_goes_to_live_sessions_only_and_is_not_kept() {
    with_node(config(), async |node| {
        let mut here = node.join("alice").await;
        let away = node.join("alice").await;
        let mut watch = node.watch();
        away.peer.vanish();
        watch.parked(&away.id).await;
        let sent = node.send("alice", &json!({"data": "typing", "volatile": true})).await;
        let id = &sent["id"];
        let expected =
            json!({"id": id, "matched": 1, "live": 1, "parked": 0, "durability": "none"});
        assert_eq!(sent, expected);
        let message = here.message().await;
        assert_eq!((&message["data"], message.get("position")), (&json!("typing"), None));
        let mut back = node.resume(&away.token, &away.position).await;
        back.caught_up().await;
        back.in_step().await;
    });
}

#[test]
fn data_is_passed_on_byte_for_byte() {
    async fn check(node: &Node, session: &mut Session, data: &str) {
        let body = format!(r#"{{"data": {data} }}"#);
        let mut caller = node.caller().await;
        let path = "/v1/users/alice/messages";
        let response = caller.call_with("POST", path, &[], body.as_bytes()).await;
        assert_eq!(response.status, 200, "{data}: {response:?}");
        let frame = session.text().await;
        assert!(frame.contains(&format!(r#","data":{data},"at":"#)), "{data}: {frame}");
    }

    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        for data in [
            "null",
            "1.0",
            "1e400",
            "12345678901234567890123",
            r#""\u0000\ud83d\ude00 </script>""#,
            r#"{"b":1,"a":2,"b":3,"__proto__":{}}"#,
            r#"{ "kept" : [ 1 , 2 ] }"#,
            "\"żółw 😀\"",
        ] {
            check(node, &mut session, data).await;
        }
        let large = format!("\"{}\"", "x".repeat(64 * 1024 - 2));
        check(node, &mut session, &large).await;
        let request = json!({"data": "x".repeat(64 * 1024 - 1)});
        let refused = node.call("POST", "/v1/users/alice/messages", &request).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad-field"));
    });
}

#[test]
fn a_backend_that_sends_for_a_user_can_give_that_user_a_copy() {
    with_node(config(), async |node| {
        let mut bob = node.join("bob").await;
        let mut typed_on = node.join("alice").await;
        let mut other = node.join("alice").await;

        let all = json!({"data": 1, "from": "alice", "echo": true});
        let sent = node.send("bob", &all).await;
        assert_eq!((&sent["matched"], &sent["echoed"]), (&json!(1), &json!(true)));
        let message = bob.message().await;
        assert_eq!((&message["from"], message.get("echo")), (&json!("alice"), None));
        for session in [&mut typed_on, &mut other] {
            let copy = session.message().await;
            assert_eq!((&copy["echo"], &copy["user"]), (&json!(true), &json!("bob")));
            assert_eq!((&copy["from"], &copy["id"]), (&json!("alice"), &sent["id"]));
        }

        let but_one = json!({"data": 2, "from": "alice", "echo": {"except": typed_on.id}});
        node.send("bob", &but_one).await;
        assert_eq!(bob.message().await["data"], 2);
        assert_eq!(other.message().await["data"], 2);
        typed_on.in_step().await;

        // To oneself it comes once.
        let sent = node.send("alice", &json!({"data": 3, "from": "alice", "echo": true})).await;
        assert_eq!(sent["matched"], 2);
        for session in [&mut typed_on, &mut other] {
            let message = session.message().await;
            assert_eq!((&message["data"], message.get("echo")), (&json!(3), None));
            session.in_step().await;
        }

        let nobodys = json!({"data": 4, "echo": true});
        let refused = node.call("POST", "/v1/users/bob/messages", &nobodys).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad-field"));
    });
}

#[test]
fn a_session_sends_to_whom_its_ticket_says_and_its_siblings_get_a_copy() {
    with_node(config(), async |node| {
        let mut bob = node.join("bob").await;
        let mut carol = node.join("carol").await;
        let mut sender = node.join_with(&json!({"user": "alice", "send": ["bob"]})).await;
        let mut sibling = node.join("alice").await;

        let frame = json!({"type": "send", "ref": "c1", "user": "bob", "data": {"text": "hi"}});
        sender.send(&frame).await;
        let message = bob.message().await;
        let id = &message["id"];
        assert_eq!(sender.json().await, json!({"type": "reply", "ref": "c1", "id": id}));
        assert_eq!((&message["from"], message.get("echo")), (&json!("alice"), None));
        let copy = sibling.message().await;
        assert_eq!((&copy["id"], &copy["data"]), (id, &json!({"text": "hi"})));
        assert_eq!((&copy["echo"], &copy["user"]), (&json!(true), &json!("bob")));

        // A volatile one is copied only when asked to, any other unless told not to.
        for (extra, copied) in [
            (json!({"volatile": true}), false),
            (json!({"volatile": true, "echo": true}), true),
            (json!({"echo": false}), false),
            (json!({"echo": true}), true),
            (json!({"to": "class:none"}), true),
        ] {
            let mut frame = json!({"type": "send", "ref": "c", "user": "bob", "data": extra});
            frame.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            sender.send(&frame).await;
            assert!(sender.typed("reply").await.get("id").is_some());
            if extra.get("to").is_none() {
                assert_eq!(bob.message().await["data"], extra);
            }
            if copied {
                assert_eq!(sibling.message().await["data"], extra, "{extra}");
            }
            sibling.in_step().await;
        }

        // Without a ref there is no answer.
        sender.send(&json!({"type": "send", "user": "bob", "data": 5})).await;
        assert_eq!(bob.message().await["data"], 5);
        assert_eq!(sibling.message().await["data"], 5);
        sender.in_step().await;

        for user in ["carol", "alice"] {
            let frame = json!({"type": "send", "ref": "c2", "user": user, "data": 1});
            sender.send(&frame).await;
            let detail = "the ticket of this session did not grant sends to that user";
            let error = json!({"code": "forbidden", "detail": detail});
            let refused = json!({"type": "reply", "ref": "c2", "error": error});
            assert_eq!(sender.json().await, refused);
        }
        for session in [&mut bob, &mut carol, &mut sibling, &mut sender] {
            session.in_step().await;
        }
    });
}

#[test]
fn what_one_sends_to_oneself_reaches_ones_other_sessions_once() {
    with_node(config(), async |node| {
        let mut sender = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        let mut other = node.join("alice").await;
        sender.send(&json!({"type": "send", "ref": "c1", "user": "alice", "data": 1})).await;
        let message = other.message().await;
        assert_eq!((&message["data"], message.get("echo")), (&json!(1), None));
        let reply = json!({"type": "reply", "ref": "c1", "id": message["id"]});
        assert_eq!(sender.json().await, reply);
        sender.in_step().await;
        other.in_step().await;
    });
}

#[test]
fn many_sends_of_a_session_are_answered_in_order() {
    with_node(config(), async |node| {
        let mut bob = node.join("bob").await;
        let mut sender = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        let mut bytes = Vec::new();
        for number in 0..150 {
            let reference = format!("c{number}");
            let frame = json!({"type": "send", "ref": reference, "user": "bob", "data": number});
            bytes.extend(crate::frame::json(&frame));
        }
        sender.write(&bytes).await;
        for number in 0..150 {
            assert_eq!(bob.message().await["data"], number);
            let reply = sender.typed("reply").await;
            assert_eq!(reply["ref"], format!("c{number}"), "{reply}");
        }
    });
}
