//! Drain: a node goes away, and nobody is lost by it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use server::config::{Config, Drain};

use crate::{
    call::Response,
    frame::Frame,
    node::{config, soon, with_node},
    peer::Peer,
};

fn draining_over(window: Duration, delay: Duration) -> Config {
    Config { drain: Drain { window, delay }, ..config() }
}

fn later(response: &Response, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (503, code));
    assert!((500..3000).contains(&response.json()["retry_ms"].as_u64().unwrap()));
    assert!(response.header("retry-after").is_some());
}

#[test]
fn h17_a_node_that_drains_sends_its_sessions_away_over_the_window() {
    const WINDOW: Duration = Duration::from_millis(1500);
    const MANY: usize = 10;
    with_node(draining_over(WINDOW, Duration::ZERO), async |node| {
        // All of one user, so all of one shard.
        let mut sessions = Vec::new();
        for _ in 0..MANY {
            sessions.push(node.join("alice").await);
        }
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        assert_eq!(node.call("GET", "/readyz", &Value::Null).await.status, 200);
        let drained = async { soon("the drain", node.running.drain()).await };
        let watched = async {
            let mut hints = BTreeSet::new();
            for session in &mut sessions {
                let closing = session.typed("closing").await;
                assert_eq!((&closing["code"], closing.get("by")), (&json!(4000), None));
                hints.insert(closing["retry_ms"].as_u64().unwrap());
            }
            // The socket stays usable until it is left or closed; the last one's is, for longest.
            sessions[MANY - 1].in_step().await;
            assert_eq!(hints.len(), MANY, "{hints:?}");
            let steps: Vec<u64> =
                hints.iter().zip(hints.iter().skip(1)).map(|(one, next)| next - one).collect();
            assert!(steps.iter().all(|step| (140..=160).contains(step)), "{hints:?}");
            assert_eq!(hints.last(), Some(&1500));

            later(&node.call("GET", "/readyz", &Value::Null).await, "draining");
            assert_eq!(node.call("GET", "/livez", &Value::Null).await.status, 200);
            let send = node.call("POST", "/v1/users/alice/messages", &json!({"data": 1})).await;
            later(&send, "draining");
            // Nobody new, and nobody back: another node takes them.
            let offer = format!("usher.v1, ticket.{ticket}");
            let mut refused = node.dial("", &offer).await;
            let closing = refused.typed("closing").await;
            assert_eq!(closing["code"], 4003);
            assert!((500..3000).contains(&closing["retry_ms"].as_u64().unwrap()));
            refused.closed_with(4003, "overloaded").await;
            let query = format!("?ticket={ticket}");
            let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
            later(&problem, "overloaded");

            // Who leaves for now is parked.
            let mut watch = node.watch();
            let early = sessions.pop().unwrap();
            let id = early.id.clone();
            early.peer.vanish();
            watch.parked(&id).await;
            for session in &mut sessions {
                session.closed_with(4000, "drain").await;
                assert_eq!(watch.parked(&session.id).await, 4000);
            }
        };
        let (left, ()) = tokio::join!(drained, watched);
        assert_eq!(left, 0);
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["live"], &user["parked"]), (&json!(0), &json!(MANY)), "{user}");
    });
}

#[test]
fn a_node_is_unready_for_a_while_before_it_refuses_anybody() {
    with_node(draining_over(Duration::ZERO, Duration::from_secs(3)), async |node| {
        let drained = async { soon("the drain", node.running.drain()).await };
        let watched = async {
            loop {
                if node.call("GET", "/readyz", &Value::Null).await.status == 503 {
                    break;
                }
            }
            // Load balancers have not noticed yet.
            let mut late = node.join("alice").await;
            node.send("alice", &json!({"data": 1})).await;
            late.messages(1).await;
            assert_eq!(late.typed("closing").await["code"], 4000);
            late.closed_with(4000, "drain").await;
        };
        let (left, ()) = tokio::join!(drained, watched);
        assert_eq!(left, 0);
    });
}

#[test]
fn a_session_may_send_until_its_socket_is_closed() {
    with_node(draining_over(Duration::from_secs(1), Duration::ZERO), async |node| {
        let mut bob = node.join("bob").await;
        let mut alice = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        let drained = async { soon("the drain", node.running.drain()).await };
        let watched = async {
            for session in [&mut alice, &mut bob] {
                session.typed("closing").await;
            }
            alice.send(&json!({"type": "send", "ref": "c1", "user": "bob", "data": 1})).await;
            let reply = alice.typed("reply").await;
            let message = bob.message().await;
            assert_eq!(reply, json!({"type": "reply", "ref": "c1", "id": message["id"]}));
            for session in [&mut alice, &mut bob] {
                session.send(&json!({"type": "leave"})).await;
                assert_eq!(session.next().await, Some(Frame::Close(Some((1000, String::new())))));
            }
        };
        let (left, ()) = tokio::join!(drained, watched);
        assert_eq!(left, 0);
    });
}

#[test]
fn a_drain_without_sessions_is_over_at_once() {
    with_node(draining_over(Duration::from_secs(3600), Duration::ZERO), async |node| {
        let left = soon("the drain", node.running.drain()).await;
        assert_eq!(left, 0);
    });
}

#[test]
fn a_drain_does_not_wait_for_ever_for_who_does_not_close() {
    with_node(draining_over(Duration::ZERO, Duration::ZERO), async |node| {
        // It neither reads nor closes, whatever it is told.
        let deaf = node.join("alice").await;
        let left = soon("the drain", node.running.drain()).await;
        assert_eq!((left, node.running.node().live_sockets()), (0, 0));
        drop(deaf);
    });
}
