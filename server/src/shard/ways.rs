//! Ways: how others of a node reach its shards.

use std::{sync::Arc, time::Duration};

use kernel::registry::Admitted;
use protocol::partition::slice_of;
use tokio::sync::mpsc;

use crate::{
    node::{Node, Room},
    ws::socket::Unwatched,
};

/// A socket with an admitted session, on its way to the shard of its user.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) socket: Unwatched,
    pub(crate) admitted: Admitted,
    pub(crate) room: Room,
    pub(crate) speaks_usher: bool,
    /// What came behind the handshake already.
    pub(crate) early: Vec<u8>,
}

/// What a shard is told by others of its node.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take a session in.
    Take(Box<Handoff>),
    /// The node goes away; let the sessions leave within this time.
    Drain(Duration),
    /// The node has gone.
    Stop,
}

/// The way to all shards of a node.
#[derive(Debug, Clone)]
pub(crate) struct Shards(Arc<[mpsc::Sender<Command>]>);

impl Shards {
    /// The ways to `count` shards, each with room for `room` commands, and their ends.
    pub(crate) fn new(count: usize, room: usize) -> (Self, Vec<mpsc::Receiver<Command>>) {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(room)).unzip();
        (Self(senders.into()), receivers)
    }

    /// Sends a socket to the shard of its user; without one, the session ends.
    pub(crate) async fn hand_off(&self, node: &Node, handoff: Handoff) {
        let shard = slice_of(&handoff.admitted.user, self.0.len());
        match self.0[shard].reserve().await {
            Ok(room) => room.send(Command::Take(Box::new(handoff))),
            Err(_) => node.never_welcomed(&handoff.admitted).await,
        }
    }

    /// Tells every shard; one that is gone has no sessions.
    pub(crate) async fn tell_all(&self, command: impl Fn() -> Command) {
        for shard in &*self.0 {
            shard.send(command()).await.ok();
        }
    }
}
