//! Queue: what was heard from one server, until the carrier takes it.
//!
//! It is bounded, by count and by bytes: what finds no room is as lost as what the network lost, and
//! is made up for. A repair takes the carrier longer than a text, so a queue that ran over must not
//! fill with repairs. At most one of each partition waits; and of a partition of which something
//! found no room, what comes until its repair begins is left to that as well.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::partition::Partition;
use tokio::sync::Notify;

use super::wire;

/// Envelopes that may wait for the shards to take them, and their bytes: some seconds of a busy node.
/// Beside them a repair of each partition may wait.
const WAITING_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 1 << 26;

/// What is put before the carrier.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It came by a partition's channel.
    Text(Partition, Vec<u8>),
    /// By now this many envelopes were sent; those that have not come are to be made up for.
    Due(Partition, u64),
    /// The same, where nothing that came before counts any more.
    Anew(Partition, u64),
}

/// What the carrier has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    sent: VecDeque<Sent>,
    bytes: usize,
    /// How many envelopes those repairs will have made up for that wait, by their partitions.
    anew: BTreeMap<Partition, u64>,
    /// The partitions of which something found no room; a repair of each waits.
    spilt: BTreeSet<Partition>,
    /// Nothing is taken any more.
    left: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something before the carrier, or sees to it that it is made up for.
    pub(super) fn put(&self, sent: Sent) {
        self.lock().put(sent);
        self.more.notify_one();
    }

    /// What comes next, while the server is kept.
    pub(super) async fn next(&self) -> Option<Sent> {
        loop {
            {
                let mut waiting = self.lock();
                match waiting.take() {
                    _ if waiting.left => return None,
                    None => {}
                    sent => return sent,
                }
            }
            self.more.notified().await;
        }
    }

    /// The server is kept no longer.
    pub(super) fn leave(&self) {
        self.lock().left = true;
        self.more.notify_one();
    }
}

impl Waiting {
    fn put(&mut self, sent: Sent) {
        if let Sent::Anew(partition, due) = sent {
            return self.begin_anew(partition, due);
        }
        let bytes = sent.bytes();
        let has_room = self.sent.len() < WAITING_MAX && self.bytes + bytes <= BYTES_MAX;
        if let Sent::Text(partition, text) = &sent
            && (!has_room || self.spilt.contains(partition))
            && let Some(count) = wire::count_of(text)
        {
            self.spilt.insert(*partition);
            self.begin_anew(*partition, count);
        } else if has_room {
            self.bytes += bytes;
            self.sent.push_back(sent);
        }
        // What is not counted may be lost, and what is due is told again by the next renewal.
    }

    fn begin_anew(&mut self, partition: Partition, due: u64) {
        if self.anew.insert(partition, due).is_none() {
            self.sent.push_back(Sent::Anew(partition, due));
        }
    }

    fn take(&mut self) -> Option<Sent> {
        let mut sent = self.sent.pop_front()?;
        self.bytes -= sent.bytes();
        if let Sent::Anew(partition, due) = &mut sent {
            *due = self.anew.remove(partition).unwrap_or(*due);
            self.spilt.remove(partition);
        }
        Some(sent)
    }
}

impl Sent {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(_, text) => text.len(),
            Self::Due(..) | Self::Anew(..) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
