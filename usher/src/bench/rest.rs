//! Rest: what nodes ask of Redis while nothing is done: they renew their leases, and look whether what
//! is sent to them arrives.

use std::time::Duration;

use super::{
    crowd,
    event::Event,
    fleet::Fleet,
    load::{Load, Wait},
    report::Figure,
};
use crate::failure::Failure;

/// Time of Redis for all nodes, at rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// In cores.
    cores: f64,
    nodes: usize,
}

impl Rest {
    /// Does nothing for so long, where there is a Redis to look at.
    pub(super) fn measure(
        fleet: &Fleet,
        load: &mut Load,
        time: Duration,
    ) -> Result<Option<Self>, Failure> {
        let Some(redis) = &fleet.redis else { return Ok(None) };
        let (before, start) = (redis.read()?, load.now());
        while load.now() < start + time {
            // Sessions go on answering pings meanwhile.
            load.turn(Wait::Until(start + time), |event| match event {
                Event::Closed { session, end } => Err(crowd::lost(session, end)),
                Event::Text { .. } | Event::Answered { .. } | Event::Welcomed { .. } => Ok(()),
            })?;
        }
        let spent = redis.read()? - before;
        let cores = spent.cpu.as_secs_f64() / (load.now() - start).as_secs_f64();
        Ok(Some(Self { cores, nodes: fleet.nodes.len() }))
    }

    /// What it comes to in so much time.
    pub(super) fn within(&self, time: Duration) -> Duration {
        time.mul_f64(self.cores)
    }

    pub(super) fn figures(&self) -> [Figure; 2] {
        let percent = self.cores * 100.0;
        let each = percent / self.nodes as f64;
        [
            Figure::real("redis_rest_percent", "Redis CPU at rest", percent, " %"),
            Figure::real("redis_rest_percent_per_node", "for each node", each, " %"),
        ]
    }
}
