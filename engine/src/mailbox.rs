//! Mailboxes: where a node's envelopes wait for its shards.
//!
//! An engine fills them, each shard empties its own. They are bounded, and an engine that shares
//! the process asks for room before it numbers a message: a message that cannot be delivered is
//! refused, not dropped. A message to everyone waits apart, since it takes a shard much longer.

use std::sync::Arc;

use kernel::message::{Envelope, Message};
use protocol::{
    limit::BROADCASTS_WAITING_MAX,
    name::UserId,
    partition::{PARTITIONS, Partition, slice_of},
};
use tokio::sync::mpsc;

use crate::tenure::Term;

/// Envelopes that one step may send when it found room: one for each partition at work at once, and
/// some for a sweep.
const RESERVE: usize = 2 * PARTITIONS;

/// The way to one shard.
#[derive(Debug, Clone)]
struct Way {
    letters: mpsc::Sender<Letter>,
    broadcasts: mpsc::Sender<Arc<Message>>,
}

/// The way to all shards of a node.
#[derive(Debug, Clone)]
pub struct Mailboxes {
    shards: Box<[Way]>,
}

/// What a shard is told, in its order.
#[derive(Debug)]
pub enum Letter {
    /// What concerns one user.
    Envelope(Envelope),
    /// What became of the sessions of a partition, while the node had no lease of it, was told before
    /// this; those that were not spoken of are the node's in this term.
    Thaw(Partition, Term),
}

impl Letter {
    /// The envelope, if it is one.
    #[must_use]
    pub fn envelope(self) -> Option<Envelope> {
        match self {
            Self::Envelope(envelope) => Some(envelope),
            Self::Thaw(..) => None,
        }
    }
}

/// What a shard takes out.
#[derive(Debug)]
pub struct Mailbox {
    /// Letters.
    pub letters: mpsc::Receiver<Letter>,
    /// Messages to everyone.
    pub broadcasts: mpsc::Receiver<Arc<Message>>,
}

/// There is no room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Mailboxes {
    /// A mailbox for each of `shards`, with room for `envelopes` besides the reserve.
    #[must_use]
    pub fn new(shards: usize, envelopes: usize) -> (Self, Vec<Mailbox>) {
        let shard = |_| {
            let (to_letters, letters) = mpsc::channel(envelopes + RESERVE);
            let (to_broadcasts, broadcasts) = mpsc::channel(BROADCASTS_WAITING_MAX);
            let way = Way { letters: to_letters, broadcasts: to_broadcasts };
            (way, Mailbox { letters, broadcasts })
        };
        let (ways, mailboxes): (Vec<_>, Vec<_>) = (0..shards).map(shard).unzip();
        (Self { shards: ways.into() }, mailboxes)
    }

    /// Whether a step for `user` may send what it has to.
    #[must_use]
    pub fn has_room(&self, user: &UserId) -> bool {
        self.of(user).letters.capacity() > RESERVE
    }

    /// Puts an envelope into the mailbox of the user's shard. A shard that has gone away has no
    /// sockets to write to.
    ///
    /// # Panics
    /// If the mailbox is full: the sender did not ask for room.
    pub fn deliver(&self, envelope: Envelope) {
        let shard = self.of(&envelope.user);
        match shard.letters.try_send(Letter::Envelope(envelope)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                unreachable!("room was found before the step, and steps send no more than that")
            }
        }
    }

    /// Puts an envelope into the mailbox of the user's shard as soon as there is room, if it is due
    /// then: whoever notes that it is cannot be broken off before it is there. For an engine that is
    /// told of envelopes when they are sent already.
    pub async fn deliver_in_time(
        &self,
        envelope: Envelope,
        is_due: impl FnOnce(&Envelope) -> bool,
    ) {
        // A shard that has gone away has no sockets to write to.
        if let Ok(room) = self.of(&envelope.user).letters.reserve().await
            && is_due(&envelope)
        {
            room.send(Letter::Envelope(envelope));
        }
    }

    /// Tells all shards, behind what they were told before, that what is left of a partition's
    /// sessions is the node's.
    pub async fn thaw(&self, partition: Partition, term: Term) {
        for way in &self.shards {
            way.letters.send(Letter::Thaw(partition, term)).await.ok();
        }
    }

    /// Puts a message into the mailboxes of all shards. One caller at a time.
    ///
    /// # Errors
    /// [`Full`] if a shard has too many to write already; then none gets it.
    pub fn deliver_to_all(&self, message: &Arc<Message>) -> Result<(), Full> {
        let gone = |way: &&Way| way.broadcasts.is_closed();
        if self.shards.iter().any(|way| !gone(&way) && way.broadcasts.capacity() == 0) {
            return Err(Full);
        }
        for way in &self.shards {
            // Whoever has gone away since has no sockets to write to.
            way.broadcasts.try_send(Arc::clone(message)).ok();
        }
        Ok(())
    }

    fn of(&self, user: &UserId) -> &Way {
        &self.shards[slice_of(user, self.shards.len())]
    }
}
