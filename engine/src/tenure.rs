//! Tenure: until when this node may act for its sessions, in each partition.
//!
//! A node that has not renewed its lease in time does not know what became of its sessions: others
//! took them for parked. It must notice that by itself, on its own clock, and before it acts, even
//! where its process stood still and whoever renews the lease has not had a turn yet. So whoever
//! acts looks here first: one load and one look at the clock.
//!
//! A lease that was lost and is held again is another term. What a node had in an earlier term waits
//! until it was looked after in this one, whoever notices first, and however short the loss was.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use protocol::{
    partition::{PARTITIONS, Partition},
    time::Timestamp,
};
use tokio::time::Instant;

/// Leases of a partition are counted, so that they are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Term(u16);

/// Bits of the time that a lease ends at; the others count terms.
const TIME_BITS: u32 = 48;

/// The end of a lease that is lost.
const LOST: u64 = 0;

/// What part of a lease is left out, as clocks do not run alike.
const MARGIN: u32 = 10;

/// Renewals in the time of a lease: two may fail.
pub const RENEWALS: u32 = 3;

/// A node's leases, as it may count on them.
#[derive(Debug)]
pub struct Tenure {
    lease: Duration,
    began: Instant,
    held: Box<[Held]>,
}

/// One lease.
#[derive(Debug, Default)]
struct Held {
    /// The term, and until when it lasts at least, by the node's clock.
    here: AtomicU64,
    /// How far at least the engine's clock is ahead of the node's.
    ahead: AtomicU64,
    /// When the node last asked for it, by its clock.
    sent: AtomicU64,
    /// Since when it was held by one renewal after the other, by the node's clock.
    since: AtomicU64,
}

/// What a node learns when it renews a lease.
#[derive(Debug, Clone, Copy)]
pub struct Renewal {
    /// When it asked for it.
    pub sent: Instant,
    /// Whether the engine says that it had been lost.
    pub lapsed: bool,
    /// Until when it lasts, by the engine's clock.
    pub until: Timestamp,
}

impl Tenure {
    /// Holds no lease yet. Each is to last for `lease`, on the clock of the engine.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        let held = (0..PARTITIONS).map(|_| Held::default()).collect();
        Self { lease, began: Instant::now(), held }
    }

    fn of(&self, partition: Partition) -> &Held {
        &self.held[usize::from(partition.0)]
    }

    /// Now, on the clock that counts.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    fn at(&self, time: Instant) -> u64 {
        whole_ms(time.saturating_duration_since(self.began)).saturating_add(1)
    }

    /// The lease was renewed. Tells whether it had been lost, as the engine says or by the clock:
    /// then another term has begun.
    pub fn renewed(&self, partition: Partition, renewal: Renewal) -> bool {
        let Renewal { sent, lapsed, until } = renewal;
        let place = self.of(partition);
        let is_late = self.is_late(place.sent.swap(self.at(sent), Ordering::AcqRel));
        // When it was granted the node's clock did not show more than it does now.
        let granted = until.0.saturating_sub(whole_ms(self.lease));
        place.ahead.store(granted.saturating_sub(self.at(self.now())), Ordering::Release);
        let until = self.at(sent + self.lease - self.lease / MARGIN);
        let renew = |held| {
            let (term, old) = parts(held);
            let lost = lapsed || old <= self.at(self.now());
            whole(Term(if lost { term.0.wrapping_add(1) } else { term.0 }), until)
        };
        let update = |held| Some(renew(held));
        let before = place.here.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        let before = parts(before.unwrap_or_else(|held| held)).0;
        let is_new = before != self.term(partition);
        if is_new || is_late {
            place.since.store(self.at(self.now()), Ordering::Release);
        }
        is_new
    }

    /// Whether the lease has been held for as long as it lasts, and no renewal took so long that others
    /// may have lost theirs with it: then all others who are there hold theirs as well.
    #[must_use]
    pub fn is_settled(&self, partition: Partition) -> bool {
        let place = self.of(partition);
        let held = self.at(self.now()).saturating_sub(place.since.load(Ordering::Acquire));
        self.look(partition).is_some()
            && held >= whole_ms(self.lease)
            && !self.is_late(place.sent.load(Ordering::Acquire))
    }

    /// Whether an engine that was silent since then may have cost others their leases: they asked for
    /// them at the most a renewal's time before.
    fn is_late(&self, sent: u64) -> bool {
        let silent = self.at(self.now()).saturating_sub(sent);
        silent > whole_ms(self.lease - self.lease / RENEWALS)
    }

    /// The present term, whether or not its time is over.
    #[must_use]
    pub fn term(&self, partition: Partition) -> Term {
        parts(self.of(partition).here.load(Ordering::Acquire)).0
    }

    /// When the node last asked for the lease that it holds.
    #[must_use]
    pub fn asked(&self, partition: Partition) -> Instant {
        let sent = self.of(partition).sent.load(Ordering::Acquire);
        self.began + Duration::from_millis(sent.saturating_sub(1))
    }

    /// Until when the lease is sure to last.
    #[must_use]
    pub fn until(&self, partition: Partition) -> Instant {
        let (_, until) = parts(self.of(partition).here.load(Ordering::Acquire));
        self.began + Duration::from_millis(until.saturating_sub(1))
    }

    /// A time by the clock of the engine that keeps a partition, or one a little earlier. Several
    /// servers may have several clocks.
    #[must_use]
    pub fn there(&self, partition: Partition, time: Instant) -> Timestamp {
        let ahead = self.of(partition).ahead.load(Ordering::Acquire);
        Timestamp(ahead.saturating_add(self.at(time)))
    }

    /// The present term, while it lasts. Once somebody was told that it is over, it stays so.
    #[must_use]
    pub fn look(&self, partition: Partition) -> Option<Term> {
        self.look_at(partition, self.now())
    }

    /// The same at a time that was looked up just before, for whoever looks at many.
    #[must_use]
    pub fn look_at(&self, partition: Partition, now: Instant) -> Option<Term> {
        let now = self.at(now);
        let place = &self.of(partition).here;
        let mut held = place.load(Ordering::Acquire);
        loop {
            let (term, until) = parts(held);
            if until > now {
                return Some(term);
            }
            if until == LOST {
                return None;
            }
            // Else it might be renewed without anybody being told.
            let lost = whole(term, LOST);
            match place.compare_exchange(held, lost, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return None,
                Err(other) => held = other,
            }
        }
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn parts(held: u64) -> (Term, u64) {
    let term = u16::try_from(held >> TIME_BITS).unwrap_or_default();
    (Term(term), held & ((1 << TIME_BITS) - 1))
}

fn whole(Term(term): Term, until: u64) -> u64 {
    u64::from(term) << TIME_BITS | until.min((1 << TIME_BITS) - 1)
}

#[cfg(test)]
mod tests;
