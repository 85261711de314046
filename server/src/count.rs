//! Count: how many there are of something, for those who wait until there are none.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Count {
    now: AtomicUsize,
    none: Notify,
}

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.now.load(Ordering::Acquire)
    }

    pub(crate) fn add(&self) {
        self.now.fetch_add(1, Ordering::AcqRel);
    }

    /// Adds one, unless there are so many; tells whether it did.
    pub(crate) fn add_within(&self, max: usize) -> bool {
        let one_more = |now: usize| (now < max).then_some(now + 1);
        self.now.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    pub(crate) fn subtract(&self) {
        if self.now.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_waiters();
        }
    }

    /// Returns when there are none.
    pub(crate) async fn none(&self) {
        loop {
            // Made before the look, so that the last one to go wakes it.
            let none = self.none.notified();
            if self.get() == 0 {
                return;
            }
            none.await;
        }
    }
}
