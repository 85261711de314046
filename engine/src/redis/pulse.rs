//! Pulse: whether anything comes by a connection at all.
//!
//! What is waited for may not come because the server is gone, or be late because much else comes
//! before it: a connection keeps the order. Who takes a slow server for a lost one connects anew, and
//! makes it slower still. So what is late counts as lost only if nothing else comes either.
//!
//! Silence is counted in looks, not read off a clock: when this node itself stood still, what came
//! meanwhile is still to be read.

use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::timeout;

/// Between two looks, and how many of them in a row find nothing where nothing is: a second, so that
/// a node is unready two seconds after its server has gone.
const LOOK: Duration = Duration::from_millis(250);
const SILENT_LOOKS: u32 = 4;

/// How much came by a connection.
#[derive(Debug, Default)]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    /// Something came.
    pub(super) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits for something for as long as anything comes, and no longer than `most`; `None` if that
    /// was not long enough.
    pub(super) async fn carries<T>(
        &self,
        most: Duration,
        awaited: impl Future<Output = T>,
    ) -> Option<T> {
        let mut awaited = pin!(awaited);
        let (mut last, mut silent) = (self.beats(), 0);
        for _ in 0..most.as_millis().div_ceil(LOOK.as_millis()) {
            if let Ok(came) = timeout(LOOK, &mut awaited).await {
                return Some(came);
            }
            let now = self.beats();
            silent = if now == last { silent + 1 } else { 0 };
            if silent == SILENT_LOOKS {
                return None;
            }
            last = now;
        }
        None
    }
}

#[cfg(test)]
mod tests;
