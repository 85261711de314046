//! Meeting: a partition that has come to another primary, and whether it came as it was.
//!
//! Most often the other was promoted, or is the old one that ended and has what it kept: what was
//! accepted last may be lost, so a new epoch begins. But when a slot of a Cluster moves, each key of
//! it is carried over, and nothing is in doubt, if the primary that it came from is the one that the
//! partition last met, and is there still, in the same life. So it is asked. And the one that it came to
//! must be the one that it came to first: what that was told last may be lost with it.

use std::sync::Arc;

use protocol::partition::Partition;
use redis::{Cmd, Pipeline};

use super::{Redis, host::Host, link::Fault, script, way};

impl Redis {
    /// Begins partitions where nothing was kept before. Without it nodes wait whether somebody else
    /// knows of sessions there, so it is no harm if it fails.
    pub(super) async fn found(&self) {
        let call = |one| (one, (vec![self.keys.primary(one)], Vec::new()));
        self.run_all::<u8>(&script::FOUND, Partition::all().map(call)).await.ok();
    }

    /// Partitions that do not know the server that keeps them get to know it.
    pub(super) async fn meet(&self, host: &Arc<Host>, partitions: &[Partition]) {
        let mut others = Vec::new();
        let is_cluster = self.atlas.shape().is_cluster();
        for other in self.atlas.others(host).into_iter().filter(|_| is_cluster) {
            // Without a word of it, it is one that is gone.
            others.extend(life(&other).await.into_iter().flatten());
        }
        let call = |partition: &Partition| {
            // It was renewed elsewhere while this one was connected to: this one neither ended nor was
            // promoted since, so it cannot have lost what came with the slot.
            let may_move = host.link.is_there_since(self.tenure.asked(*partition));
            let others = if may_move { others.clone() } else { Vec::new() };
            way::evaluate(&script::MEET, &(vec![self.keys.primary(*partition)], others))
        };
        let calls: Vec<Cmd> = partitions.iter().map(call).collect();
        let calls: Vec<&Cmd> = calls.iter().collect();
        // Those that fail do so again with the next renewal.
        let _met: Vec<Result<u8, Fault>> = host.link.each(Some(&script::MEET), &calls).await;
    }
}

/// The id and the process of a primary that is there.
async fn life(host: &Host) -> Option<[String; 2]> {
    let mut ask = Pipeline::new();
    ask.cmd("INFO").arg("replication").cmd("INFO").arg("server");
    let (replication, server): (String, String) = host.link.pipe(&ask).await.ok()?;
    let said = |info: &str, name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    let id = said(&replication, "master_replid:")?;
    let is_primary = said(&replication, "role:")? == "master";
    is_primary.then_some([id, said(&server, "run_id:")?])
}
