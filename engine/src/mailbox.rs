//! Mailboxes: where a node's envelopes wait for its shards.
//!
//! An engine fills them, each shard empties its own. They are bounded, and an engine that shares
//! the process asks for room before it numbers a message: a message that cannot be delivered is
//! refused, not dropped.

use kernel::message::Envelope;
use protocol::{
    name::UserId,
    partition::{PARTITIONS, slice_of},
};
use tokio::sync::mpsc;

/// Envelopes that one step may send when it found room: one for each partition at work at once, and
/// some for a sweep.
const RESERVE: usize = 2 * PARTITIONS;

/// The way to all shards of a node.
#[derive(Debug, Clone)]
pub struct Mailboxes {
    shards: Box<[mpsc::Sender<Envelope>]>,
}

impl Mailboxes {
    /// A mailbox for each of `shards`, with room for `envelopes` besides the reserve.
    #[must_use]
    pub fn new(shards: usize, envelopes: usize) -> (Self, Vec<mpsc::Receiver<Envelope>>) {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..shards).map(|_| mpsc::channel(envelopes + RESERVE)).unzip();
        (Self { shards: senders.into() }, receivers)
    }

    /// Whether a step for `user` may send what it has to.
    #[must_use]
    pub fn has_room(&self, user: &UserId) -> bool {
        self.of(user).capacity() > RESERVE
    }

    /// Puts an envelope into the mailbox of the user's shard. A shard that has gone away has no
    /// sockets to write to.
    ///
    /// # Panics
    /// If the mailbox is full: the sender did not ask for room.
    pub fn deliver(&self, envelope: Envelope) {
        let shard = self.of(&envelope.user);
        match shard.try_send(envelope) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                unreachable!("room was found before the step, and steps send no more than that")
            }
        }
    }

    fn of(&self, user: &UserId) -> &mpsc::Sender<Envelope> {
        &self.shards[slice_of(user, self.shards.len())]
    }
}
