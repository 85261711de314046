//! Stats: how much there is at a node, and how much there was.

use kernel::registry::Census;
use protocol::http::{SessionStats, Stats, StatsReply};

use super::{Node, not_taken};
use crate::{answer::Refusal, clock::Clock};

impl Node {
    /// How much there is and was, for people.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn stats(&self) -> Result<StatsReply, Refusal> {
        let census = self.census().await?;
        let (tally, deliveries) = (&self.tally, self.tally.deliveries());
        let gaps = &deliveries.gaps;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let stats = Stats {
            nodes: u32::try_from(self.nodes().await?.len()).unwrap_or(u32::MAX),
            users: count(census.users),
            sessions: SessionStats { live: count(census.live), parked: count(census.parked) },
            messages: tally.message_stats(&deliveries),
            admissions: tally.admission_stats(),
            ends: tally.ended.counted().collect(),
            gaps: gaps.expired + gaps.overflow + gaps.epoch,
        };
        Ok(StatsReply { at: Clock::timestamp(), stats })
    }

    pub(crate) async fn census(&self) -> Result<Census, Refusal> {
        self.engine.census().await.map_err(not_taken)
    }
}
