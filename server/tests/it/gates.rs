//! Gates: not more newcomers in a second than a node can take.

use std::time::Duration;

use serde_json::{Value, json};
use server::config::{Config, Limits, Session};

use crate::{
    call::Response,
    node::{Node, config, passed, text, with_node},
    peer::Peer,
};

fn slow(admissions: u32, resumes: u32) -> Config {
    let limits = Limits { admissions, resumes, ..Limits::default() };
    Config { shards: 1, limits, ..config() }
}

async fn by_query(node: &Node) -> Result<Peer, Response> {
    let ticket = node.ticket(&json!({"user": "alice"})).await;
    Peer::dial(node.address, &[], &format!("?ticket={ticket}")).await
}

#[test]
fn h17_more_newcomers_than_can_be_taken_are_told_when_to_come() {
    with_node(slow(5, 100), async |node| {
        let mut peers = Vec::new();
        let mut hints = Vec::new();
        for _ in 0..25 {
            match by_query(node).await {
                Ok(peer) => peers.push(peer),
                Err(refused) => {
                    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
                    hints.push(refused.json()["retry_ms"].as_u64().unwrap());
                }
            }
        }
        assert!(peers.len() >= 5 && hints.len() >= 5, "{} {hints:?}", peers.len());
        assert!(hints.iter().all(|hint| (500..65_000).contains(hint)), "{hints:?}");
        assert!(hints.iter().max() > hints.iter().min(), "each has a time of its own: {hints:?}");

        // Who offers usher.v1 is told by close code, and the ticket is still good.
        let (offer, hint) = loop {
            let ticket = node.ticket(&json!({"user": "alice", "ttl": 60})).await;
            let offer = format!("usher.v1, ticket.{ticket}");
            let mut peer = node.dial("", &offer).await;
            let first = peer.json().await;
            if first["type"] == "closing" {
                assert_eq!(first["code"], 4003);
                peer.closed_with(4003, "overloaded").await;
                break (offer, first["retry_ms"].as_u64().unwrap());
            }
            assert_eq!(first["type"], "welcome", "there was a place for it");
        };
        assert!(hint >= 500);
        loop {
            let mut peer = node.dial("", &offer).await;
            if peer.json().await["type"] == "welcome" {
                break;
            }
            peer.closed_with(4003, "overloaded").await;
        }
    });
}

#[test]
fn a_session_that_came_back_too_early_is_kept_until_it_may() {
    let session = Session { resume_window: Duration::from_secs(2), ..Session::default() };
    let config = Config { session, ..slow(1000, 1) };
    with_node(config, async |node| {
        let mut watch = node.watch();
        let mut tokens = Vec::new();
        for _ in 0..4 {
            let session = node.join("alice").await;
            let (id, token, position) =
                (session.id.clone(), session.token.clone(), session.position.clone());
            session.peer.vanish();
            watch.parked(&id).await;
            tokens.push((id, token, position));
        }
        let mut refused = Vec::new();
        for (id, token, position) in tokens {
            let mut peer = node.try_resume(&token, &position).await;
            let first = peer.json().await;
            if first["type"] == "closing" {
                peer.closed_with(4003, "overloaded").await;
                refused.push((id, token, position));
            }
        }
        assert!(!refused.is_empty());
        let path = format!("/v1/sessions/{}", refused[0].0);
        let held = node.ask("GET", &path, &Value::Null).await;
        let until = held["resumable_until"].as_u64().unwrap();
        let parked_for = until - held["connected_at"].as_u64().unwrap();
        assert!(parked_for > 30_000, "{held}");
        // Its window alone would be over by then.
        passed(protocol::time::Timestamp(held["connected_at"].as_u64().unwrap() + 2500)).await;
        let (id, token, position) = &refused[0];
        loop {
            let mut peer = node.try_resume(token, position).await;
            let first = peer.json().await;
            if first["type"] == "welcome" {
                assert_eq!(text(&first["session"]), *id);
                break;
            }
            peer.closed_with(4003, "overloaded").await;
        }
    });
}
