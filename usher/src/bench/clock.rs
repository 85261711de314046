//! Clock: the time since a measurement began.
//!
//! Not the node's clock, which counts milliseconds: a delivery takes a fraction of one.

use std::time::{Duration, Instant};

/// A clock that shows how long it has been running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "time is what is measured here")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// What it shows.
    pub(super) fn now(self) -> Duration {
        self.0.elapsed()
    }
}
