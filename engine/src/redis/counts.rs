//! Counts: how far the envelopes of each partition came.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use protocol::partition::{PARTITIONS, Partition};
use tokio::sync::{Mutex, MutexGuard};

/// What is known of one partition.
#[derive(Debug, Default)]
struct Count {
    /// Whoever delivers or repairs here has it.
    turn: Mutex<()>,
    /// The number of the last envelope that came.
    last: AtomicU64,
    /// Whether the last repair failed.
    broken: AtomicBool,
}

/// What is known of each partition.
#[derive(Debug)]
pub(super) struct Counts {
    each: Box<[Count]>,
    /// How many partitions were repaired.
    repaired: AtomicU64,
}

impl Counts {
    pub(super) fn new() -> Self {
        let each = (0..PARTITIONS).map(|_| Count::default()).collect();
        Self { each, repaired: AtomicU64::new(0) }
    }

    fn of(&self, partition: Partition) -> &Count {
        &self.each[usize::from(partition.0)]
    }

    /// Waits until nobody else delivers in a partition.
    pub(super) async fn turn(&self, partition: Partition) -> MutexGuard<'_, ()> {
        self.of(partition).turn.lock().await
    }

    /// The number of the last envelope that came.
    pub(super) fn last(&self, partition: Partition) -> u64 {
        self.of(partition).last.load(Ordering::Acquire)
    }

    pub(super) fn set_last(&self, partition: Partition, last: u64) {
        self.of(partition).last.store(last, Ordering::Release);
    }

    /// Whether what was missed there is not known yet.
    pub(super) fn is_broken(&self, partition: Partition) -> bool {
        self.of(partition).broken.load(Ordering::Acquire)
    }

    /// Returns what it was before.
    pub(super) fn set_broken(&self, partition: Partition, broken: bool) -> bool {
        self.of(partition).broken.swap(broken, Ordering::AcqRel)
    }

    /// One more partition is repaired.
    pub(super) fn note_repair(&self) {
        self.repaired.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were.
    pub(super) fn repaired(&self) -> u64 {
        self.repaired.load(Ordering::Relaxed)
    }
}
