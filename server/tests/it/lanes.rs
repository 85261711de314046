//! Lanes: the same course run very often, some runs at once, each by a user of its own.
//!
//! What only happens when two things meet at the worst moment is not seen by trying once.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use serde_json::Value;
use server::config::{Config, Limits};

use crate::{
    call::Caller,
    frame::Frame,
    node::{Node, config},
    peer::{Peer, handshake},
};

/// How often each course is run.
pub(crate) const RUNS: u32 = 1000;

/// Runs at once: more than there are shards, so that runs get in each other's way.
const LANES: u32 = 4;

/// A node that takes newcomers as fast as they come.
pub(crate) fn wide_open() -> Config {
    let limits = Limits { admissions: 1_000_000, resumes: 1_000_000, ..Limits::default() };
    Config { limits, ..config() }
}

/// Runs a course as often as [`RUNS`] says; it is told its user and the number of the run.
pub(crate) fn run(node: &Node, name: &str, course: impl AsyncFn(&str, u32) + Sync) {
    assert!(node.running.node().is_ready());
    let next = AtomicU32::new(0);
    let lane = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= RUNS {
                    return;
                }
                course(&format!("{name}-{number}"), number).await;
            }
        });
    };
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
}

/// A socket for each, open and silent.
pub(crate) async fn sockets(node: &Node, count: usize) -> Vec<Caller> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(Caller::open(node.address).await);
    }
    sockets
}

/// Writes a handshake that offers this, and does not wait for its answer.
pub(crate) async fn knock(socket: &mut Caller, offer: &str) {
    socket.write(handshake("", &[("Sec-WebSocket-Protocol", offer)]).as_bytes()).await;
}

/// Offers each of these on a socket of its own, all at once; all are decided on when this returns.
pub(crate) async fn knock_at_once(node: &Node, offers: &[String]) -> Vec<Peer> {
    let mut sockets = sockets(node, offers.len()).await;
    for (socket, offer) in sockets.iter_mut().zip(offers) {
        knock(socket, offer).await;
    }
    let mut peers = Vec::new();
    for socket in sockets {
        peers.push(Peer::answered(socket).await.unwrap());
    }
    peers
}

/// All that a peer is told up to its close, and the code of that.
pub(crate) async fn last_words(peer: &mut Peer) -> (Vec<Value>, u16) {
    let mut frames = Vec::new();
    loop {
        match peer.next().await {
            Some(Frame::Text(text)) => frames.push(serde_json::from_str(&text).unwrap()),
            Some(Frame::Close(Some((code, _)))) => {
                peer.at_end().await;
                return (frames, code);
            }
            other => panic!("{other:?} after {frames:?}"),
        }
    }
}

/// The sessions of a user, as the registry has them.
pub(crate) async fn registered(node: &Node, user: &str) -> Vec<Value> {
    let list = node.ask("GET", &format!("/v1/users/{user}/sessions"), &Value::Null).await;
    list["items"].as_array().unwrap().clone()
}
