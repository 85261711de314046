//! Liveness: silence is asked about, and what is dead makes room.

use std::time::Duration;

use serde_json::json;
use server::{
    clock::Clock,
    config::{Config, Session as SessionConfig},
};

use crate::{
    frame::{Frame, PONG, masked},
    node::{Node, config, passed, with_node},
    peer::Session,
};

const PING: Duration = Duration::from_millis(150);
const PONG_WAIT: Duration = Duration::from_millis(300);

fn impatient() -> Config {
    let session = SessionConfig { ping: PING, pong_wait: PONG_WAIT, ..SessionConfig::default() };
    Config { session, ..config() }
}

/// Opens a session that offers `usher.v1`, or one that does not.
async fn open(node: &Node, usher: bool) -> Session {
    if usher {
        return node.join("alice").await;
    }
    let ticket = node.ticket(&json!({"user": "alice"})).await;
    Session::welcomed(node.dial(&format!("?ticket={ticket}"), "").await).await
}

fn asked(usher: bool) -> Frame {
    match usher {
        true => Frame::Text(r#"{"type":"ping"}"#.to_owned()),
        false => Frame::Ping(Vec::new()),
    }
}

#[test]
fn a_silent_session_is_asked_and_parked_with_4002_if_it_stays_silent() {
    async fn check(node: &Node, usher: bool) {
        let mut watch = node.watch();
        let mut session = open(node, usher).await;
        assert_eq!(session.welcome["ping_ms"], 150);
        assert_eq!(session.next().await, Some(asked(usher)));
        session.closed_with(4002, "no-pong").await;
        assert_eq!(watch.parked(&session.id).await, 4002);
        // It may come back.
        let mut back = node.resume(&session.token, &session.position).await;
        back.caught_up().await;
    }

    with_node(impatient(), async |node| {
        tokio::join!(check(node, true), check(node, false));
    });
}

#[test]
fn any_frame_that_answers_keeps_the_session() {
    async fn check(node: &Node, usher: bool, answer: &[u8]) {
        let mut session = open(node, usher).await;
        for _ in 0..6 {
            assert_eq!(session.next().await, Some(asked(usher)));
            session.write(answer).await;
        }
        let mut watch = node.watch();
        session.send(&json!({"type": "leave"})).await;
        assert_eq!(watch.ended(&session.id).await, 1000);
    }

    with_node(impatient(), async |node| {
        let pong = crate::frame::json(&json!({"type": "pong"}));
        let active = crate::frame::json(&json!({"type": "active"}));
        let control = masked(PONG, b"");
        tokio::join!(
            check(node, true, &pong),
            check(node, true, &active),
            check(node, true, &control),
            check(node, false, &control),
            check(node, false, &pong),
        );
    });
}

#[test]
fn a_session_that_speaks_is_not_asked() {
    with_node(impatient(), async |node| {
        let mut session = node.join("alice").await;
        let clock = Clock::start();
        let mut spoke = clock.moment();
        // Three times as long as one may be silent.
        for _ in 0..18 {
            session.send(&json!({"type": "ping"})).await;
            while session.text().await != r#"{"type":"pong"}"# {
                // On a busy machine this test itself may be silent for too long.
                assert!(clock.moment() >= spoke.after(PING), "it was asked though it spoke");
            }
            spoke = clock.moment();
            passed(Clock::timestamp().after(Duration::from_millis(25))).await;
        }
    });
}
