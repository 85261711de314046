//! Sweep: what time ended is taken away, a partition at a time.
//!
//! Any node may sweep any partition, without a leader; mostly the one does that suits it best. What is
//! over is found in one look, and each user's sessions are swept in a step of their own, that does
//! nothing if another node was faster.
//! What a lost node leaves is swept as well: its sessions are parked, and then it is forgotten.

use std::collections::BTreeSet;

use kernel::registry::{Ended, Registry};
use protocol::{id::SessionId, name::UserId, partition::Partition};
use redis::Cmd;

use super::{Redis, kept, link::Fault, look::Look, script, step::Manner};
use crate::contract::Failed;

/// Sessions that one sweep looks at, of each kind.
const LOOKED_AT: usize = 128;

/// Blocks that one sweep looks at. They end by themselves; only the list of them does not.
const BLOCKS: usize = 8;

impl Redis {
    /// Sweeps the next partition after `count` of them, if that is for this node to do.
    pub(super) async fn sweep_next(&self, count: usize) -> Result<Vec<Ended>, Failed> {
        match self.sweepers.next(&self.me, count) {
            (partition, true) => self.sweep_one(partition).await,
            (_, false) => Ok(Vec::new()),
        }
    }

    async fn sweep_one(&self, partition: Partition) -> Result<Vec<Ended>, Failed> {
        self.unlist(partition).await.map_err(Fault::of_look)?;
        let mut ended = Vec::new();
        for user in self.users_due(partition).await.map_err(Fault::of_look)? {
            let step = |now, registry: &mut Registry| {
                let swept = registry.sweep(now, usize::MAX, |_| true);
                (swept.ended, swept.mail)
            };
            match self.take(Look::at(&user), Manner::default(), step).await {
                Ok(taken) => ended.extend(taken.outcome),
                // What ended must be told.
                Err(_) if !ended.is_empty() => break,
                Err(failed) => return Err(failed),
            }
        }
        Ok(ended)
    }

    /// Takes some users off the list of blocks whose block is over.
    async fn unlist(&self, partition: Partition) -> Result<(), Fault> {
        let list = self.keys.blocks(partition);
        let mut some = Cmd::new();
        some.arg("ZRANDMEMBER").arg(&list).arg(BLOCKS);
        let names: Vec<String> = self.ask(partition, &some).await?;
        let mut calls = Vec::new();
        for name in names {
            let user = kept::user(&name)?;
            calls.push((partition, (vec![list.clone(), self.keys.block(&user)], vec![name])));
        }
        let _unlisted: Vec<u32> = self.run_all(&script::UNLIST, calls).await?;
        Ok(())
    }

    /// The users of a partition of whose sessions some may be over, or lost their node.
    async fn users_due(&self, partition: Partition) -> Result<BTreeSet<UserId>, Fault> {
        let keys =
            [self.keys.lease(partition), self.keys.live(partition), self.keys.parked(partition)];
        let most = LOOKED_AT.to_string();
        let (mut due, lapsed): (Vec<String>, Vec<String>) =
            self.run(partition, &script::DUE, &keys, &[&most]).await?;
        // After an outage others may have had no turn yet to renew their leases.
        let lapsed = if self.tenure.is_settled(partition) { lapsed } else { Vec::new() };
        for node in lapsed {
            let here = self.keys.node(partition, &node);
            let mut some = Cmd::new();
            some.arg("SRANDMEMBER").arg(&here).arg(LOOKED_AT);
            let sessions: Vec<String> = self.ask(partition, &some).await?;
            if sessions.is_empty() {
                let keys = [self.keys.lease(partition), self.keys.mail(partition), here];
                let _forgotten: u32 = self.run(partition, &script::BURY, &keys, &[&node]).await?;
            }
            due.extend(sessions);
        }
        let ids: Vec<SessionId> =
            due.iter().map(|id| kept::session(id)).collect::<Result<_, _>>()?;
        let users = self.users_of(&ids).await?;
        self.forget(partition, ids.iter().zip(&users)).await?;
        Ok(users.into_iter().flatten().collect())
    }

    /// Takes sessions off the lists of which nothing else is known any more.
    async fn forget(
        &self,
        partition: Partition,
        sessions: impl Iterator<Item = (&SessionId, &Option<UserId>)>,
    ) -> Result<(), Fault> {
        let unknown: Vec<String> =
            sessions.filter(|(_, user)| user.is_none()).map(|(id, _)| id.to_string()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut commands = redis::Pipeline::new();
        for key in [self.keys.live(partition), self.keys.parked(partition)] {
            commands.cmd("ZREM").arg(key).arg(&unknown).ignore();
        }
        self.pipe(partition, &commands).await
    }
}
