//! Limits that an operator set: each is heeded where it was set, and not elsewhere.

use std::time::Duration;

use serde_json::json;
use server::{
    clock::Clock,
    config::{Config, Limits},
};

use crate::{
    call::{Caller, Response},
    node::{KEY, Node, config, passed, with_node},
    peer::{Peer, handshake},
};

fn with(limits: Limits) -> Config {
    Config { limits, ..config() }
}

fn is_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
}

/// Headers of about so many bytes.
fn headers(bytes: usize) -> String {
    format!("X-Long: {}\r\n", "x".repeat(1000)).repeat(bytes / 1010)
}

#[test]
fn h18_a_head_may_be_as_large_as_the_operator_says() {
    async fn ask(node: &Node, bytes: usize) -> Response {
        Caller::once(node.address, "GET", "/livez", &headers(bytes)).await
    }

    let limits = Limits { head_bytes: 32 * 1024, ..Limits::default() };
    with_node(with(limits), async |node| {
        assert_eq!(ask(node, 30_000).await.status, 200);
        is_problem(&ask(node, 34_000).await, 431, "head-too-large");
        // The same for a handshake.
        for (bytes, status, code) in
            [(30_000, 401, "ticket-missing"), (34_000, 431, "head-too-large")]
        {
            let head =
                handshake("", &[]).replace("\r\n\r\n", &format!("\r\n{}\r\n", headers(bytes)));
            let refused =
                Peer::over(Caller::open(node.address).await, &head, &[]).await.unwrap_err();
            is_problem(&refused, status, code);
        }
        // And for the second head of a socket.
        let mut caller = node.caller().await;
        for _ in 0..2 {
            let head = format!("GET /livez HTTP/1.1\r\nHost: usher\r\n{}\r\n", headers(30_000));
            caller.write(head.as_bytes()).await;
            assert_eq!(caller.response().await.status, 200);
        }
    });
    with_node(config(), async |node| {
        is_problem(&ask(node, 30_000).await, 431, "head-too-large");
    });
}

#[test]
fn h21_a_head_may_take_as_long_as_the_operator_says() {
    let limits = Limits { head_wait: Duration::from_secs(1), ..Limits::default() };
    with_node(with(limits), async |node| {
        let mut silent = Caller::open(node.address).await;
        let mut slow = Caller::open(node.address).await;
        slow.write(b"GET /livez HTTP/1.1\r\nHost: ").await;
        is_problem(&slow.response().await, 408, "request-timeout");
        slow.closed().await;
        silent.closed().await;
    });
}

#[test]
fn data_may_be_as_large_as_the_operator_says() {
    let limits = Limits { data_bytes: 100, ..Limits::default() };
    with_node(with(limits), async |node| {
        let mut bob = node.join("bob").await;
        let mut alice = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        // Two of the bytes are quotes.
        let (fits, too_much) = ("x".repeat(98), "x".repeat(99));
        node.send("bob", &json!({"data": fits})).await;
        assert_eq!(bob.message().await["data"], fits);
        let send = json!({"type": "send", "ref": "1", "user": "bob", "data": fits});
        alice.send(&send).await;
        assert!(alice.typed("reply").await["id"].is_string());
        assert_eq!(bob.message().await["data"], fits);

        let refused = node.call("POST", "/v1/users/bob/messages", &json!({"data": too_much})).await;
        is_problem(&refused, 400, "bad-field");
        let detail = "must have at most 100 bytes";
        assert_eq!(refused.json()["errors"], json!([{"field": "data", "detail": detail}]));
        for whom in [json!({"users": ["bob"]}), json!({"everyone": true})] {
            let mut body = whom;
            body["data"] = json!(too_much);
            let refused = node.call("POST", "/v1/messages", &body).await;
            is_problem(&refused, 400, "bad-field");
        }
        let send = json!({"type": "send", "ref": "2", "user": "bob", "data": too_much});
        alice.send(&send).await;
        let reply = alice.typed("reply").await;
        assert_eq!((&reply["ref"], &reply["error"]["code"]), (&json!("2"), &json!("bad-field")));
        bob.in_step().await;
    });
}

#[test]
fn a_user_has_as_many_sessions_as_the_operator_says_whatever_the_policy() {
    let limits = Limits { sessions_per_user: 2, ..Limits::default() };
    with_node(with(limits), async |node| {
        // The older one yields, so none may be of the same moment as the next.
        let mut first = node.join("alice").await;
        passed(Clock::timestamp()).await;
        let mut second = node.join("alice").await;
        passed(Clock::timestamp()).await;
        let mut third = node.join("alice").await;
        assert_eq!(first.typed("closing").await["code"], 4409);
        first.closed_with(4409, "replaced").await;
        second.in_step().await;
        third.in_step().await;
        let policy = json!({"max": 5, "per": "device", "when_full": "replace"});
        let request = json!({"user": "alice", "device": "d", "policy": policy});
        node.join_with(&request).await.in_step().await;
        assert_eq!(second.typed("closing").await["code"], 4409);
        node.join("bob").await.in_step().await;
    });
}

#[test]
fn a10_a_call_names_as_many_users_as_the_operator_says() {
    let limits = Limits { users_per_call: 2, ..Limits::default() };
    with_node(with(limits), async |node| {
        for (path, more) in [("/v1/users/query", json!({})), ("/v1/messages", json!({"data": 1}))] {
            let mut body = more;
            body["users"] = json!(["alice", "bob"]);
            assert_eq!(node.call("POST", path, &body).await.status, 200, "{path}");
            body["users"] = json!(["alice", "bob", "carol"]);
            let refused = node.call("POST", path, &body).await;
            is_problem(&refused, 400, "bad-field");
            assert_eq!(refused.json()["errors"][0]["detail"], "must name 1 to 2 users");
        }
    });
}

#[test]
fn a_key_is_not_told_whatever_is_refused() {
    with_node(config(), async |node| {
        let long = format!("Authorization: Bearer {KEY}\r\n{}", headers(20_000));
        let refused = Caller::once(node.address, "GET", "/v1/sessions", &long).await;
        is_problem(&refused, 431, "head-too-large");
        assert!(!refused.body.contains(KEY));
    });
}
