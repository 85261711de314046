//! Restarting: what a node with its engine in memory has forgotten when it is back, however it ended.
//!
//! All of it, and it says so: nobody is left to believe that a session, a ticket or a message is
//! still there. The page docs/operate.md has the same as a table.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    crowd::{Member, Welcomed, threads},
    supervised::{Supervised, UNLIMITED, draining, serve},
};

const ALICE: &str = "/v1/users/alice/messages";

/// What somebody has of a node that is gone.
struct Left {
    resume: String,
    ticket: String,
    spent: String,
    position: String,
}

/// Does everything that a node remembers.
fn fill(node: &Supervised) -> Left {
    let ticket = node.offer(&json!({"user": "alice", "ttl": 600}));
    let spent = node.offer(&json!({"user": "alice", "ttl": 600}));
    let message = json!({"data": "kept"});
    let (resume, position) = threads().block_on(async {
        let mut alice = Welcomed::dial(node.address, &spent).await;
        let sent = node.call_again("POST", ALICE, "once", &message);
        assert_eq!((sent.0, &sent.1["durability"]), (200, &json!("memory")));
        let got = alice.member.typed("message").await;
        alice.position = got["position"].as_str().expect("it is kept").to_owned();
        (alice.resume(), alice.position.clone())
    });
    let again = node.call_again("POST", ALICE, "once", &message);
    assert_eq!(again.0, 200);
    assert_eq!(node.call_again("POST", ALICE, "once", &json!({"data": "other"})).0, 422);
    node.ask("PUT", "/v1/users/mallory/block", &json!({}));
    assert_eq!(node.call("POST", "/v1/tickets", &json!({"user": "mallory"})).0, 403);
    Left { resume, ticket, spent, position }
}

/// The same node, as far as anybody can tell by its address.
fn start_again(address: SocketAddr) -> Supervised {
    Supervised::start(serve(UNLIMITED).env("USHER_LISTEN", address.to_string()))
}

/// None of it is known any more, and each is told so.
fn check(node: &Supervised, left: Left) {
    let sessions = node.ask("GET", "/v1/sessions", &Value::Null);
    assert_eq!(sessions["items"], json!([]));
    threads().block_on(async {
        // A session cannot come back; its app gets a new ticket.
        Member::dial(node.address, &left.resume).await.closed_with(4202).await;
        // Nobody knows whether a ticket was used, so that none is good.
        for ticket in [left.ticket, left.spent] {
            Member::dial(node.address, &ticket).await.closed_with(4204).await;
        }
        // Who goes on from where it was is told that something may be missing.
        let offer = node.offer(&json!({"user": "alice"}));
        let offer = format!("{offer}, after.{}", left.position);
        let mut alice = Welcomed::dial(node.address, &offer).await;
        let gap = alice.member.typed("gap").await;
        assert_eq!((&gap["after"], &gap["reason"]), (&json!(left.position), &json!("epoch")));
        alice.member.typed("caught_up").await;
        // What was done under a key may be done once more.
        let sent = node.call_again("POST", ALICE, "once", &json!({"data": "other"}));
        assert_eq!(sent.0, 200, "{}", sent.1);
        assert_eq!(alice.member.typed("message").await["data"], "other");
    });
    assert_eq!(node.call("POST", "/v1/tickets", &json!({"user": "mallory"})).0, 201);
    let blocks = node.ask("GET", "/v1/blocks", &Value::Null);
    assert_eq!(blocks["items"], json!([]));
}

#[test]
fn what_a_node_had_in_memory_is_lost_when_it_is_killed_and_everybody_is_told() {
    let mut node = Supervised::start(&mut serve(UNLIMITED));
    let left = fill(&node);
    let address = node.address;
    node.program.kill();
    assert_eq!(node.end().code, None, "a signal ended it");
    check(&start_again(address), left);
}

#[test]
fn what_a_node_had_in_memory_is_lost_when_it_stops_in_good_order_too() {
    let node = Supervised::start(&mut draining("0s", "0s"));
    let left = fill(&node);
    let address = node.address;
    node.program.terminate();
    assert_eq!(node.end().code, Some(0));
    check(&start_again(address), left);
}
