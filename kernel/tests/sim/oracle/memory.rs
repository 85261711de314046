//! Memory: how many things are kept that are to be forgotten after a while.
//!
//! They are forgotten in the order in which they came. Where the clock was set back in between, one
//! may be kept a little longer for one before it; so there are bounds and no one number.

use std::ops::RangeInclusive;

use protocol::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Memory {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    until: Timestamp,
    /// The latest time until which one before it is kept.
    at_most_until: Timestamp,
}

impl Memory {
    pub(super) fn keep(&mut self, until: Timestamp) {
        let before = self.kept.last().map(|kept| kept.at_most_until);
        self.kept.push(Kept { until, at_most_until: until.max(before.unwrap_or(until)) });
    }

    /// How many are kept, now that all that is over was forgotten.
    pub(super) fn bounds(&self, now: Timestamp) -> RangeInclusive<usize> {
        let least = self.kept.iter().filter(|kept| kept.until > now).count();
        let most = self.kept.iter().filter(|kept| kept.at_most_until > now).count();
        least..=most
    }
}
