//! Clock: the only place that reads time.
//!
//! Two of them, for two uses: the wall clock tells people when something happened, the monotonic
//! one measures waits.

use std::time::{Duration, Instant, SystemTime};

use kernel::moment::Moment;
use protocol::time::Timestamp;

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts counting moments.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Now, for waits.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let passed = self.origin.elapsed();
        Moment(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Now, for people.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
    pub fn timestamp() -> Timestamp {
        let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp::default().after(passed.unwrap_or(Duration::ZERO))
    }
}
