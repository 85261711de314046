//! Room: a node has so many sessions and no more.

use serde_json::{Value, json};
use server::config::{Config, Limits};

use crate::{
    frame::Frame,
    node::{Node, config, soon, with_node},
    peer::{Peer, Session},
};

fn with_room_for(sessions: usize) -> Config {
    Config { limits: Limits { sessions, ..Limits::default() }, ..config() }
}

/// The refusal that a full node speaks after the upgrade.
async fn is_refused(mut peer: Peer) {
    let closing = peer.typed("closing").await;
    assert_eq!(closing["code"], 4003);
    assert!((500..3000).contains(&closing["retry_ms"].as_u64().unwrap()), "{closing}");
    peer.closed_with(4003, "overloaded").await;
}

/// Tries until there is room again: a socket that was left takes a moment to be closed.
async fn once_there_is_room(open: impl AsyncFn() -> Peer) -> Session {
    let admitted = async {
        loop {
            let mut peer = open().await;
            let first = peer.json().await;
            if first["type"] == "welcome" {
                return Session::with(peer, first);
            }
            assert_eq!(first["code"], 4003, "{first}");
        }
    };
    soon("room", admitted).await
}

#[test]
fn h17_a_full_node_refuses_and_spends_nothing() {
    with_node(with_room_for(2), async |node| {
        let (alice, mut bob) = (node.join("alice").await, node.join("bob").await);
        let ticket = node.ticket(&json!({"user": "carol"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        for _ in 0..3 {
            is_refused(node.dial("", &offer).await).await;
        }
        let query = format!("?ticket={ticket}");
        let refused = Peer::dial(node.address, &[], &query).await.unwrap_err();
        assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
        assert!(refused.header("retry-after").is_some());
        // Who is there is not harmed, and the API goes on.
        bob.in_step().await;
        let carol = node.ask("GET", "/v1/users/carol", &Value::Null).await;
        assert_eq!(carol["online"], false);

        alice.peer.vanish();
        let mut carol = once_there_is_room(async || node.dial("", &offer).await).await;
        assert_eq!(carol.welcome["user"], "carol");
        carol.in_step().await;
        // The ticket was spent then, and only then.
        bob.send(&json!({"type": "leave"})).await;
        bob.closed_with(1000, "").await;
        drop(bob);
        let spent = Some(Frame::Close(Some((4201, "ticket-spent".to_owned()))));
        let again = async { while node.dial("", &offer).await.next().await != spent {} };
        soon("the ticket to be spent", again).await;
    });
}

#[test]
fn h17_a_session_that_finds_no_room_may_resume_later() {
    with_node(with_room_for(1), async |node| {
        let alice = node.join("alice").await;
        let (token, position) = (alice.token.clone(), alice.position.clone());
        let mut watch = node.watch();
        let id = alice.id.clone();
        alice.peer.vanish();
        watch.parked(&id).await;
        let ticket = node.ticket(&json!({"user": "bob"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        let mut bob = once_there_is_room(async || node.dial("", &offer).await).await;
        node.send("alice", &json!({"data": "later"})).await;
        for _ in 0..3 {
            is_refused(node.try_resume(&token, &position).await).await;
        }
        bob.send(&json!({"type": "leave"})).await;
        bob.closed_with(1000, "").await;
        drop(bob);
        let mut alice = once_there_is_room(async || node.try_resume(&token, &position).await).await;
        assert_eq!((&alice.id, &alice.welcome["resumed"]), (&id, &json!(true)));
        assert_eq!(alice.message().await["data"], "later");
    });
}

#[test]
fn room_is_not_lost_to_those_who_are_refused() {
    async fn refused(node: &Node, query: &str) {
        Peer::dial(node.address, &[], query).await.unwrap_err();
    }

    with_node(with_room_for(1), async |node| {
        for _ in 0..20 {
            refused(node, "").await;
            refused(node, &format!("?ticket=t_00{}", "0".repeat(22))).await;
        }
        assert_eq!(node.running.node().live_sockets(), 0);
        node.join("alice").await.in_step().await;
    });
}
