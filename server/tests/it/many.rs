//! Many: one call for many users, for everyone, and about many users.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    call::Response,
    node::{Node, config, text, with_node},
};

async fn send(node: &Node, body: &Value) -> Response {
    node.call("POST", "/v1/messages", body).await
}

fn is_problem(response: &Response, code: &str, field: &str) {
    assert_eq!((response.status, response.code().as_str()), (400, code), "{response:?}");
    assert_eq!(response.json()["errors"][0]["field"], field, "{response:?}");
}

#[test]
fn a_bulk_send_reaches_each_user_and_answers_in_order() {
    with_node(config(), async |node| {
        let mut alice = node.join("alice").await;
        let mut bob = node.join("bob").await;
        let body = json!({"users": ["bob", "nobody", "alice", "bob"], "data": {"n": 1}});
        let response = send(node, &body).await;
        assert_eq!(response.status, 200, "{response:?}");
        let results = response.json()["results"].clone();
        let users: Vec<_> =
            results.as_array().unwrap().iter().map(|one| text(&one["user"])).collect();
        assert_eq!(users, ["bob", "nobody", "alice"], "who is named twice is there once");
        let counts = |n: usize| (results[n]["matched"].clone(), results[n]["durability"].clone());
        assert_eq!(counts(0), (json!(1), json!("memory")));
        assert_eq!(counts(1), (json!(0), json!("none")));
        let ids: BTreeSet<_> = (0..3).map(|n| text(&results[n]["id"])).collect();
        assert_eq!(ids.len(), 3, "each user gets a message of her own");
        for (session, n) in [(&mut bob, 0), (&mut alice, 2)] {
            let message = session.message().await;
            assert_eq!((&message["id"], &message["data"]), (&results[n]["id"], &json!({"n": 1})));
            session.in_step().await;
        }
    });
}

#[test]
fn a10_a_bulk_send_names_one_to_a_thousand_users() {
    with_node(config(), async |node| {
        let users = |count: usize| (0..count).map(|n| format!("u{n}")).collect::<Vec<_>>();
        for users in [users(0), users(1001)] {
            is_problem(
                &send(node, &json!({"users": users, "data": 1})).await,
                "bad-field",
                "users",
            );
            let query = node.call("POST", "/v1/users/query", &json!({"users": users})).await;
            is_problem(&query, "bad-field", "users");
        }
        is_problem(&send(node, &json!({"data": 1})).await, "bad-field", "users");
        is_problem(
            &send(node, &json!({"users": ["a", ""], "data": 1})).await,
            "bad-field",
            "users[1]",
        );
        is_problem(&send(node, &json!({"users": ["a"], "dat": 1})).await, "unknown-field", "dat");
        let response = send(node, &json!({"users": users(1000), "data": 1})).await;
        assert_eq!(response.json()["results"].as_array().map(Vec::len), Some(1000));
    });
}

#[test]
fn a_bulk_body_may_be_larger_than_another() {
    with_node(config(), async |node| {
        let name = |n: u32| format!("{n}-{}", "\u{1f600}".repeat(30));
        let users: Vec<_> = (0..1000).map(name).collect();
        let escaped = json!({"users": users, "data": "x".repeat(60_000)}).to_string();
        // Twelve bytes for each of these characters, as some write them.
        let escaped = escaped.replace('\u{1f600}', "\\ud83d\\ude00");
        assert!(escaped.len() > 400_000);
        let padded = escaped + &" ".repeat(3_000_000);
        let response =
            node.caller().await.call_with("POST", "/v1/messages", &[], padded.as_bytes()).await;
        assert_eq!(response.status, 200, "{}", response.status);
        let too_large = padded + &" ".repeat(2_000_000);
        let response =
            node.caller().await.call_with("POST", "/v1/messages", &[], too_large.as_bytes()).await;
        assert_eq!((response.status, response.code().as_str()), (413, "body-too-large"));
    });
}

#[test]
fn a_bulk_send_that_is_made_again_goes_on_where_it_stopped() {
    with_node(config(), async |node| {
        let mut alice = node.join("alice").await;
        let call = async |key: &str, body: Value| {
            let body = body.to_string();
            let headers = [("Idempotency-Key", key)];
            node.caller().await.call_with("POST", "/v1/messages", &headers, body.as_bytes()).await
        };
        let body = json!({"users": ["alice", "bob"], "data": 1});
        let first = call("k", body.clone()).await;
        let again = call("k", body).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.json(), first.json());
        let other = call("k", json!({"users": ["carol", "alice"], "data": 1})).await;
        assert_eq!((other.status, other.code().as_str()), (422, "key-reused"));
        // The key of a call to many is not that of a call to one.
        let headers = [("Idempotency-Key", "k")];
        let path = "/v1/users/alice/messages";
        let one = node.caller().await.call_with("POST", path, &headers, br#"{"data":2}"#).await;
        assert_eq!((one.status, one.header("idempotent-replayed")), (200, None));
        assert_eq!(alice.messages(2).await, [1, 2]);
        alice.in_step().await;
    });
}

#[test]
fn everyone_who_is_live_gets_a_message_to_everyone_once() {
    with_node(config(), async |node| {
        let mut sessions = Vec::new();
        for n in 0..600 {
            sessions.push(node.join(&format!("u{}", n % 400)).await);
        }
        let parked = node.join("away").await;
        let mut watch = node.watch();
        let (id, token, position) =
            (parked.id.clone(), parked.token.clone(), parked.position.clone());
        parked.peer.vanish();
        watch.parked(&id).await;
        let sent = send(node, &json!({"everyone": true, "data": "all"})).await.json();
        assert_eq!((&sent["nodes"], &sent["durability"]), (&json!(1), &json!("none")));
        assert_eq!(sent.get("position"), None);
        for session in &mut sessions {
            let message = session.message().await;
            assert_eq!((&message["id"], &message["data"]), (&sent["id"], &json!("all")));
            assert_eq!(message.get("position"), None);
            session.in_step().await;
        }
        let mut back = node.resume(&token, &position).await;
        back.caught_up().await;
        back.in_step().await;
    });
}

#[test]
fn a_message_to_everyone_may_be_for_a_class_and_spare_a_session() {
    with_node(config(), async |node| {
        let with_class = |class: &str| json!({"user": "alice", "device_class": class});
        let mut phone = node.join_with(&with_class("mobile")).await;
        let mut spared = node.join_with(&with_class("mobile")).await;
        let mut desk = node.join_with(&with_class("desktop")).await;
        let body = json!({"everyone": true, "data": 1, "to": "class:mobile", "except": spared.id,
            "from": "bob"});
        assert_eq!(send(node, &body).await.status, 200);
        assert_eq!(phone.message().await["from"], "bob");
        for session in [&mut phone, &mut spared, &mut desk] {
            session.in_step().await;
        }
    });
}

#[test]
fn what_does_not_go_with_everyone_is_refused() {
    with_node(config(), async |node| {
        for (field, value) in [
            ("ttl", json!(5)),
            ("echo", json!(true)),
            ("to", json!("active")),
            ("to", json!("session:s_b01jYx4CkS0Vq9fYw8ZrGt2a")),
        ] {
            let mut body = json!({"everyone": true, "data": 1});
            body[field] = value;
            is_problem(&send(node, &body).await, "bad-field", field);
        }
        let both = json!({"everyone": true, "users": ["a"], "data": 1});
        is_problem(&send(node, &both).await, "bad-field", "everyone");
    });
}

#[test]
fn many_users_are_asked_about_at_once() {
    with_node(config(), async |node| {
        let _alice = node.join("alice").await;
        node.ask("PUT", "/v1/users/carol/block", &json!({})).await;
        let body = json!({"users": ["carol", "alice", "nobody", "alice"]});
        let items = node.ask("POST", "/v1/users/query", &body).await["items"].clone();
        let told = |user: &str, live: u32, blocked: bool| json!({"user": user, "online": live > 0, "blocked": blocked, "live": live, "parked": 0});
        let expected =
            json!([told("carol", 0, true), told("alice", 1, false), told("nobody", 0, false)]);
        assert_eq!(items, expected);
    });
}
