//! Shard: what one shard did, and what all did together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use kernel::shard::{Counts, Gaps, Shard};

/// Upper bounds of the histogram of delivery times, in milliseconds: as exactly as messages tell
/// when they were accepted, up to where something is badly wrong.
pub(crate) const TIMES_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];

/// What one shard did. Its thread alone writes, in cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ShardTally {
    live_sessions: AtomicU64,
    live: AtomicU64,
    replayed: AtomicU64,
    dropped: AtomicU64,
    expired: AtomicU64,
    overflow: AtomicU64,
    epoch: AtomicU64,
    unknown: AtomicU64,
    outbox_bytes: AtomicU64,
    notices: AtomicU64,
    times: [AtomicU64; TIMES_MS.len() + 1],
    times_sum_ms: AtomicU64,
}

/// What a shard has at the end of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) sessions: usize,
    pub(crate) outbox_bytes: usize,
    pub(crate) counts: Counts,
}

impl Held {
    pub(crate) fn of(shard: &Shard) -> Self {
        Self { sessions: shard.len(), outbox_bytes: shard.waiting_bytes(), counts: shard.counts() }
    }
}

/// What shards did together, and have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deliveries {
    /// Sessions whose socket is here.
    pub(crate) live_sessions: u64,
    /// Messages given to sessions as they came.
    pub(crate) live: u64,
    /// Messages given to sessions afterwards.
    pub(crate) replayed: u64,
    /// What slow sessions could go without and did not get.
    pub(crate) dropped: u64,
    /// Gaps told.
    pub(crate) gaps: Gaps,
    /// Frames of a type that is not known here.
    pub(crate) unknown: u64,
    /// Bytes that wait for slow sockets.
    pub(crate) outbox_bytes: u64,
    /// Notices of the engine that were acted on.
    pub(crate) notices: u64,
    /// How many messages took at most so long to their sessions' sockets; the last one longer.
    pub(crate) times: [u64; TIMES_MS.len() + 1],
    /// All these times together.
    pub(crate) times_sum_ms: u64,
}

impl ShardTally {
    /// Shows what a shard has counted, and what it holds.
    pub(crate) fn publish(&self, held: &Held) {
        let Counts { delivered, replayed, dropped, gaps, unknown, .. } = held.counts;
        for (shown, n) in [
            (&self.live_sessions, held.sessions as u64),
            (&self.live, delivered),
            (&self.replayed, replayed),
            (&self.dropped, dropped),
            (&self.expired, gaps.expired),
            (&self.overflow, gaps.overflow),
            (&self.epoch, gaps.epoch),
            (&self.unknown, unknown),
            (&self.outbox_bytes, held.outbox_bytes as u64),
        ] {
            shown.store(n, Relaxed);
        }
    }

    /// Notices of the engine were acted on.
    pub(crate) fn noticed(&self, notices: usize) {
        raise(&self.notices, notices as u64);
    }

    /// A message that was accepted so long ago has been given to its sessions' sockets.
    pub(crate) fn delivered_after(&self, ms: u64) {
        let bucket = TIMES_MS.iter().position(|most| ms <= *most).unwrap_or(TIMES_MS.len());
        raise(&self.times[bucket], 1);
        raise(&self.times_sum_ms, ms);
    }

    pub(super) fn add_to(&self, sum: &mut Deliveries) {
        for (sum, n) in [
            (&mut sum.live_sessions, &self.live_sessions),
            (&mut sum.live, &self.live),
            (&mut sum.replayed, &self.replayed),
            (&mut sum.dropped, &self.dropped),
            (&mut sum.gaps.expired, &self.expired),
            (&mut sum.gaps.overflow, &self.overflow),
            (&mut sum.gaps.epoch, &self.epoch),
            (&mut sum.unknown, &self.unknown),
            (&mut sum.outbox_bytes, &self.outbox_bytes),
            (&mut sum.notices, &self.notices),
            (&mut sum.times_sum_ms, &self.times_sum_ms),
        ]
        .into_iter()
        .chain(sum.times.iter_mut().zip(&self.times))
        {
            *sum += n.load(Relaxed);
        }
    }
}

/// For numbers with one writer: no two threads can raise it at once.
fn raise(count: &AtomicU64, by: u64) {
    count.store(count.load(Relaxed) + by, Relaxed);
}
