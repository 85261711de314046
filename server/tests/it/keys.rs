//! Keys: a call that is made again under its key is done once.

use serde_json::{Value, json};

use crate::{
    call::{Caller, Response},
    node::{Node, config, text, with_node},
};

const ALICE: &str = "/v1/users/alice/messages";

/// A call with the key of the API, and one of its own.
pub(crate) async fn keyed(node: &Node, path: &str, key: &str, body: &Value) -> Response {
    let body = body.to_string();
    let headers = [("Idempotency-Key", key)];
    node.caller().await.call_with("POST", path, &headers, body.as_bytes()).await
}

/// Whether an answer that must be a success was given before.
pub(crate) fn replayed(response: &Response) -> bool {
    assert_eq!(response.status, 200, "{response:?}");
    let header = response.header("idempotent-replayed");
    assert!(header.is_none_or(|value| value == "true"), "{response:?}");
    header.is_some()
}

#[test]
fn a8_the_same_call_is_answered_the_same_and_done_once() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        let body = json!({"data": 1});
        let first = keyed(node, ALICE, "k1", &body).await;
        assert!(!replayed(&first));
        for _ in 0..3 {
            let again = keyed(node, ALICE, "k1", &body).await;
            assert!(replayed(&again));
            assert_eq!(again.json(), first.json());
        }
        assert_eq!(session.messages(1).await, [1]);
        session.in_step().await;
    });
}

#[test]
fn a8_another_call_under_the_key_is_refused_and_not_done() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        assert!(!replayed(&keyed(node, ALICE, "k1", &json!({"data": 1})).await));
        for body in [json!({"data": 2}), json!({"data": 1, "volatile": true})] {
            let refused = keyed(node, ALICE, "k1", &body).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "key-reused"));
        }
        assert!(!replayed(&keyed(node, ALICE, "k2", &json!({"data": 3})).await));
        // A key is the recipient's too.
        assert!(!replayed(&keyed(node, "/v1/users/bob/messages", "k1", &json!({"data": 4})).await));
        assert_eq!(session.messages(2).await, [1, 3]);
        session.in_step().await;
    });
}

#[test]
fn a8_a_key_that_is_none_is_refused() {
    with_node(config(), async |node| {
        let long = "k".repeat(256);
        for key in ["", &long, "a\tb", "\u{e9}"] {
            let refused = keyed(node, ALICE, key, &json!({"data": 1})).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "bad-parameter"), "{key}");
        }
        let headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
        let twice = node.caller().await.call_with("POST", ALICE, &headers, b"{}").await;
        assert_eq!((twice.status, twice.code().as_str()), (400, "bad-parameter"));
        let most = "k".repeat(255);
        assert!(!replayed(&keyed(node, ALICE, &most, &json!({"data": 1})).await));
    });
}

#[test]
fn the_copy_of_a_repeated_send_is_not_doubled_either() {
    with_node(config(), async |node| {
        let mut alice = node.join("alice").await;
        let mut bob = node.join("bob").await;
        let body = json!({"data": 1, "from": "bob", "echo": true});
        let first = keyed(node, ALICE, "k1", &body).await;
        let again = keyed(node, ALICE, "k1", &body).await;
        assert!(replayed(&again));
        assert_eq!((again.json(), &again.json()["echoed"]), (first.json(), &json!(true)));
        let (message, copy) = (alice.message().await, bob.message().await);
        assert_eq!((&message["id"], &copy["id"]), (&first.json()["id"], &first.json()["id"]));
        alice.in_step().await;
        bob.in_step().await;
    });
}

#[test]
fn a_frame_that_is_sent_again_under_its_key_is_accepted_once() {
    with_node(config(), async |node| {
        let grant = json!({"user": "alice", "send": "any"});
        let mut alice = node.join_with(&grant).await;
        let mut other = node.join_with(&grant).await;
        let mut bob = node.join("bob").await;
        let frame = |n: u32, key: &str| json!({"type": "send", "ref": "r", "user": "bob", "data": n, "key": key});
        alice.send(&frame(1, "k1")).await;
        let first = alice.typed("reply").await;
        // Another session of the same user is the same sender.
        for session in [&mut alice, &mut other] {
            session.send(&frame(1, "k1")).await;
            loop {
                let next = session.json().await;
                if next["type"] == "reply" {
                    assert_eq!(next["id"], first["id"], "{next}");
                    break;
                }
                assert_eq!((&next["type"], &next["echo"]), (&json!("message"), &json!(true)));
            }
        }
        alice.send(&frame(2, "k1")).await;
        assert_eq!(alice.typed("reply").await["error"]["code"], "key-reused");
        alice.send(&frame(3, "k2")).await;
        assert_eq!(text(&alice.typed("reply").await["ref"]), "r");
        assert_eq!(bob.messages(2).await, [1, 3]);
        bob.in_step().await;
    });
}

#[test]
fn a8_the_same_call_beside_itself_waits_for_nothing_and_doubles_nothing() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        let body = json!({"data": 1}).to_string();
        let mut callers = Vec::new();
        for _ in 0..8 {
            callers.push(Caller::open(node.address).await);
        }
        let headers = [("Idempotency-Key", "k1")];
        let calls = callers
            .iter_mut()
            .map(|caller| caller.call_with("POST", ALICE, &headers, body.as_bytes()));
        let answers = futures_util::future::join_all(calls).await;
        for answer in &answers {
            match answer.status {
                200 => {}
                409 => assert_eq!(answer.code(), "in-progress"),
                _ => panic!("{answer:?}"),
            }
        }
        assert!(replayed(&keyed(node, ALICE, "k1", &json!({"data": 1})).await));
        assert_eq!(session.messages(1).await, [1]);
        session.in_step().await;
    });
}
