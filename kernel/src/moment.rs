//! Moment: monotonic time of one node, for waits.
//!
//! The engine's clock (`Timestamp`) tells people when something happened and may jump; waits are
//! measured on a clock that only goes forward. Two types, so that they are never mixed.

use std::time::Duration;

/// Milliseconds since some moment before the node started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than all others.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whether `earlier` is less than `time` ago; something that never was is not.
    #[must_use]
    pub fn is_within(self, time: Duration, earlier: Self) -> bool {
        earlier != Self::NEVER && self < earlier.after(time)
    }

    /// Milliseconds from `earlier` to here; 0 if it is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
