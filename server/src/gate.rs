//! Gate: how many newcomers a node takes in a second, and when to come for those it does not take.
//!
//! After a restart everybody comes at once. If all who are refused were told the same time, they
//! would come at once again; so each is told a time of its own, one behind the other at the rate at
//! which they can be taken.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{
    moment::Moment,
    rate::{Bucket, Rate},
};
use protocol::limit::RETRY_MAX;

use crate::random;

/// The least time that anybody is told to stay away, and how much chance is added.
const HINT_MS: u64 = 500;

/// Lets newcomers through at a rate.
#[derive(Debug)]
pub(crate) struct Gate {
    rate: Rate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    /// When the next who is refused may come, in microseconds.
    next_us: u64,
}

impl Gate {
    /// Lets so many through for each of `cores` in a second, and as many at once.
    pub(crate) fn new(per_second: u32, cores: usize) -> Self {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        let per_second = per_second.saturating_mul(cores);
        let rate = Rate { per_second, burst: per_second };
        let bucket = Bucket::full(&rate, Moment::default());
        Self { rate, state: Mutex::new(State { bucket, next_us: 0 }) }
    }

    /// Lets one through, or tells after what time it may come.
    pub(crate) fn pass(&self, now: Moment) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.bucket.take(&self.rate, now).is_ok() {
            return Ok(());
        }
        let now_us = now.0.saturating_mul(1000);
        let latest = u64::try_from(RETRY_MAX.as_micros()).unwrap_or(u64::MAX);
        let step_us = 1_000_000 / u64::from(self.rate.per_second.max(1));
        state.next_us = state.next_us.max(now_us) + step_us;
        state.next_us = state.next_us.min(now_us + latest);
        let turn_ms = (state.next_us - now_us) / 1000;
        Err(Duration::from_millis(turn_ms + HINT_MS + random::below(HINT_MS)))
    }

    /// Who was let through takes nobody's turn after all.
    pub(crate) fn give_back(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bucket.give_back();
    }
}

#[cfg(test)]
mod tests;
