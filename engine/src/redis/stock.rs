//! Stock: whether the registry has at this node what the node has.
//!
//! A renewal says how many sessions they are. Where the numbers differ it is looked which ones. A
//! step under way explains a difference once, but not twice. It is looked beside the renewals, which
//! must not wait for it: where many steps are under way there is much to look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::pending,
};

use protocol::{id::SessionId, partition::Partition};
use redis::Cmd;
use tokio::sync::watch;

use super::{Redis, host::Host, kept, link::Fault, queue::Sent};

/// What one side had at the last look, and the other had not.
#[derive(Debug, Default)]
struct Odd {
    /// Sessions that the registry had here, and the node did not.
    strangers: BTreeSet<SessionId>,
    /// Sessions that the node had, and the registry not here.
    missing: BTreeSet<SessionId>,
}

impl Redis {
    /// Looks after partitions of a server whose numbers differ, as a renewal says which.
    pub(super) async fn take_stock(
        &self,
        host: &Host,
        mut differing: watch::Receiver<Vec<Partition>>,
    ) -> Infallible {
        let mut odd = BTreeMap::new();
        loop {
            if differing.changed().await.is_err() {
                return pending().await;
            }
            let partitions = differing.borrow_and_update().clone();
            odd.retain(|partition, _| partitions.contains(partition));
            // What cannot be looked at now is so with the next renewal.
            self.compare(host, &partitions, &mut odd).await.ok();
        }
    }

    async fn compare(
        &self,
        host: &Host,
        partitions: &[Partition],
        odd: &mut BTreeMap<Partition, Odd>,
    ) -> Result<(), Fault> {
        let me = self.me.to_string();
        let members = |partition: &Partition| {
            let mut members = Cmd::new();
            members.arg("SMEMBERS").arg(self.keys.node(*partition, &me));
            members
        };
        let members: Vec<Cmd> = partitions.iter().map(members).collect();
        let members: Vec<&Cmd> = members.iter().collect();
        let members = host.link.each::<Vec<String>>(None, &members).await;
        let mut twice = Vec::new();
        for (partition, members) in partitions.iter().zip(members) {
            let key = self.keys.node(*partition, &me);
            let id = |id: &String| self.legible(&key, kept::session(id));
            let there: BTreeSet<SessionId> = members?.iter().filter_map(id).collect();
            let here: BTreeSet<SessionId> = self.roll.sessions(*partition).into_iter().collect();
            let now = Odd { strangers: &there - &here, missing: &here - &there };
            let before = odd.entry(*partition).or_default();
            twice.push(Vec::from_iter(now.strangers.intersection(&before.strangers).copied()));
            if !now.missing.is_disjoint(&before.missing) {
                host.ear.queue.put(Sent::Anew(*partition, self.counts.last(*partition)));
            }
            *before = now;
        }
        for strangers in twice {
            self.release(&strangers).await?;
        }
        Ok(())
    }
}
