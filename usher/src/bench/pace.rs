//! Pace: when the next one is due.
//!
//! At a rate, times are fixed from the start: if one is late, those behind it are still due when
//! they were. Latency counted from there shows a queue that has built up, which latency counted
//! from the moment of sending would hide.

use std::time::Duration;

/// How often something is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// As often as it can be.
    Unbounded,
    /// At a rate.
    Every {
        /// From one to the next.
        step: Duration,
        /// When the next one is due.
        next: Duration,
    },
}

impl Pace {
    /// So many in a second, from `start` on; as many as can be without a rate.
    pub(super) fn new(per_second: Option<u32>, start: Duration) -> Self {
        match per_second {
            None => Self::Unbounded,
            Some(rate) => Self::every(Duration::from_secs(1) / rate.max(1), start),
        }
    }

    /// One after each `step`, from `start` on.
    pub(super) fn every(step: Duration, start: Duration) -> Self {
        Self::Every { step, next: start }
    }

    /// When the next one was due, if that has come.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        match self {
            Self::Unbounded => Some(now),
            Self::Every { next, .. } => (*next <= now).then_some(*next),
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self, now: Duration) -> Duration {
        match self {
            Self::Unbounded => now,
            Self::Every { next, .. } => *next,
        }
    }

    /// Whether one is due now; then it counts as done.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let is_due = self.due(now).is_some();
        if is_due {
            self.done();
        }
        is_due
    }

    /// One was done.
    pub(super) fn done(&mut self) {
        match self {
            Self::Unbounded => {}
            Self::Every { step, next } => *next += *step,
        }
    }
}

#[cfg(test)]
mod tests;
