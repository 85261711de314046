//! Clock: how long stages take, and when to give up waiting.
//!
//! The crates that are judged here are handed their time and may not read it; this one is a
//! program at a desk, whose waits and stage times are real. The one place where it looks at the
//! clock is this file, so that the exception to the lint stands once.
//!
//! Not here: what is timed.

use std::time::{Duration, Instant};

/// How long between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A running watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    /// A watch that shows zero.
    #[expect(clippy::disallowed_methods, reason = "stage times and deadlines are real time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// What it shows.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Looks until there is something to see; `None` when `patience` ran out first.
pub(crate) fn wait_for<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Watch::start();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if watch.elapsed() >= patience {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
