//! Sweep: what time ended is taken away, a partition at a time.
//!
//! Any node may sweep any partition, without a leader; mostly the one does that suits it best. What is
//! over is found in one look, and each user's sessions are swept in a step of their own, that does
//! nothing if another node was faster.
//! What a lost node leaves is swept as well: its sessions are parked, and then it is forgotten. And what
//! ended by its own time, before anybody swept it, leaves the lists that name it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use kernel::registry::{Ended, Registry};
use protocol::{id::SessionId, name::UserId, partition::Partition};
use redis::{Cmd, Pipeline};

use super::{Redis, kept, link::Fault, look::Look, script, step::Manner};
use crate::contract::Failed;

/// Sessions that one look is for, of each kind; and looks in one sweep. A node that is lost leaves some
/// thousands in each partition.
const LOOKED_AT: usize = 128;
const LOOKS_MAX: usize = 64;

/// Users who are swept at once.
const AT_ONCE: usize = 16;

/// Users of a list that one sweep looks at. What is kept of them ends by itself; only the list does not.
const LISTED: usize = 8;

impl Redis {
    /// Sweeps the next partition after `count` of them, if that is for this node to do.
    pub(super) async fn sweep_next(&self, count: usize) -> Result<Vec<Ended>, Failed> {
        match self.sweepers.next(&self.me, count) {
            (partition, true) => self.sweep_one(partition).await,
            (_, false) => Ok(Vec::new()),
        }
    }

    async fn sweep_one(&self, partition: Partition) -> Result<Vec<Ended>, Failed> {
        let (blocks, users) = (self.keys.blocks(partition), self.keys.users(partition));
        let unlisted = self.unlist(partition, blocks, |user| self.keys.block(user)).await;
        unlisted.map_err(Fault::of_look)?;
        let kept = |user: &UserId| self.keys.user(partition, Some(user));
        self.unlist(partition, users, kept).await.map_err(Fault::of_look)?;
        let mut ended = Vec::new();
        for _ in 0..LOOKS_MAX {
            let more = match self.sweep_some(partition, &mut ended).await {
                Ok(more) => more,
                // What ended must be told.
                Err(_) if !ended.is_empty() => false,
                Err(failed) => return Err(failed),
            };
            if !more {
                break;
            }
        }
        Ok(ended)
    }

    /// Sweeps what one look finds; tells whether there may be more.
    async fn sweep_some(
        &self,
        partition: Partition,
        ended: &mut Vec<Ended>,
    ) -> Result<bool, Failed> {
        let due = self.due(partition).await.map_err(Fault::of_look)?;
        let (is_full, mut is_swept) = (due.len() >= LOOKED_AT, false);
        let users: BTreeSet<UserId> = due.into_iter().filter_map(|(_, user)| user).collect();
        let step = |now, registry: &mut Registry| {
            let swept = registry.sweep(now, usize::MAX, |_| true);
            (swept.ended, swept.mail)
        };
        let sweep = |user| self.take(Look::at(user), Manner::default(), step);
        for some in Vec::from_iter(users).chunks(AT_ONCE) {
            let mut failed = None;
            for swept in join_all(some.iter().map(sweep)).await {
                match swept {
                    Ok(taken) => {
                        is_swept |= taken.head.is_some();
                        ended.extend(taken.outcome);
                    }
                    Err(Fault::Foreign) => {}
                    Err(fault) => failed = Some(fault.of_step()),
                }
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        Ok(is_full && is_swept)
    }

    /// Takes some users off a list, of whom is kept no more what it is the list of.
    async fn unlist(
        &self,
        partition: Partition,
        list: String,
        kept: impl Fn(&UserId) -> String,
    ) -> Result<(), Fault> {
        let mut some = Cmd::new();
        some.arg("ZRANDMEMBER").arg(&list).arg(LISTED);
        let names: Vec<String> = self.ask(partition, &some).await?;
        let user = |name: &String| self.legible(&list, kept::user(name));
        let users: Vec<UserId> = names.iter().filter_map(user).collect();
        let mut look = Pipeline::new();
        for user in &users {
            look.exists(kept(user));
        }
        let are_kept: Vec<bool> = self.pipe(partition, &look).await?;
        let gone = users.iter().zip(are_kept).filter(|(_, is_kept)| !is_kept);
        let call = |(user, _): (&UserId, bool)| {
            (partition, (vec![list.clone(), kept(user)], vec![user.to_string()]))
        };
        let _unlisted: Vec<u32> = self.run_all(&script::UNLIST, gone.map(call)).await?;
        Ok(())
    }

    /// Sessions of a partition that may be over, or lost their node, and whose they are.
    async fn due(&self, partition: Partition) -> Result<Vec<(SessionId, Option<UserId>)>, Fault> {
        let keys =
            [self.keys.lease(partition), self.keys.live(partition), self.keys.parked(partition)];
        let most = LOOKED_AT.to_string();
        let (due, lapsed): (Vec<String>, Vec<String>) =
            self.run(partition, &script::DUE, &keys, &[&most]).await?;
        let read = |key: &str, ids: Vec<String>| {
            let id = |id: String| self.legible(key, kept::session(&id));
            ids.into_iter().filter_map(id).collect::<Vec<SessionId>>()
        };
        let mut due = read(&self.keys.live(partition), due);
        // After an outage others may have had no turn yet to renew their leases.
        let lapsed = if self.tenure.is_settled(partition) { lapsed } else { Vec::new() };
        let mut lists = vec![self.keys.live(partition), self.keys.parked(partition)];
        for node in lapsed {
            let here = self.keys.node(partition, &node);
            lists.push(here.clone());
            let mut some = Cmd::new();
            some.arg("SRANDMEMBER").arg(&here).arg(LOOKED_AT);
            let sessions: Vec<String> = self.ask(partition, &some).await?;
            if sessions.is_empty() {
                let keys = [self.keys.lease(partition), self.keys.mail(partition), here.clone()];
                let _forgotten: u32 = self.run(partition, &script::BURY, &keys, &[&node]).await?;
            }
            due.extend(read(&here, sessions));
        }
        let due = self.users_of(&due).await?;
        let unknown = due.iter().filter(|(_, user)| user.is_none());
        let call = |(id, _): &(SessionId, Option<UserId>)| {
            let keys = [vec![self.keys.session(*id)], lists.clone()].concat();
            (partition, (keys, vec![id.to_string()]))
        };
        let _forgotten: Vec<u32> = self.run_all(&script::FORGET, unknown.map(call)).await?;
        Ok(due)
    }
}
