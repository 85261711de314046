//! Clock: virtual time, of the nodes and of the engine.

use std::time::Duration;

use kernel::moment::Moment;
use protocol::time::Timestamp;

/// What time it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// For waits of nodes and devices; goes only forward.
    pub(crate) now: Moment,
    /// The engine's; it runs beside, and is sometimes set back.
    pub(crate) engine: Timestamp,
    /// The latest that the engine's clock has shown.
    pub(crate) latest: Timestamp,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let engine = Timestamp(1_790_000_000_000);
        Self { now: Moment(1_000_000), engine, latest: engine }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.engine = self.engine.after(time);
        self.latest = self.latest.max(self.engine);
    }

    pub(crate) fn set_back(&mut self, ms: u64) {
        self.engine.0 -= ms;
    }
}
