//! Toll: how often Redis is asked for a message, and how many notices it sends for it.
//!
//! Counted for a few messages after those that are measured, since counting costs time.

use super::{
    crowd,
    fleet::Fleet,
    flow::{self, Work},
    load::Load,
    redis::Monitor,
    report::Figure,
};
use crate::{args::bench::Stretch, failure::Failure};

/// How many are looked at.
const LOOKED_AT: u64 = 200;

/// What some of them took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Toll {
    count: u64,
    calls: u64,
    notices: u64,
}

impl Toll {
    /// Does some, and counts, where there is a Redis.
    pub(super) fn count(
        fleet: &Fleet,
        load: &mut Load,
        work: &mut impl Work,
        rate: Option<u32>,
    ) -> Result<Option<Self>, Failure> {
        let Some(redis) = &fleet.redis else { return Ok(None) };
        let monitor = Monitor::begin(redis, crowd::USER)?;
        let tally = flow::stretch(load, work, rate, Stretch::Count(LOOKED_AT), "counting")?;
        let seen = monitor.end(redis)?;
        Ok(Some(Self { count: tally.begun, calls: seen.calls, notices: seen.notices }))
    }

    pub(super) fn figures(&self) -> [Figure; 2] {
        let each = |count: u64| count as f64 / self.count as f64;
        [
            Figure::real("redis_calls_each", "Redis is asked for each", each(self.calls), " times"),
            Figure::real("notices_each", "notices for each", each(self.notices), ""),
        ]
    }
}
