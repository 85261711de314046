//! Sound: what a node sends to itself, to see whether what is sent to it arrives.
//!
//! A connection that is half open does not say so, so this is done again and again. It goes the way
//! of all steps to a server, and comes back the way of all envelopes: whichever of them is silent
//! meanwhile is lost. If it is only late, behind much else, it is waited for (`pulse`).

use std::sync::atomic::Ordering;

use protocol::partition::Partition;
use redis::Cmd;
use tokio::time::timeout;

use super::{Redis, host::Host, link::Fault, wire};
use crate::contract::Failed;

/// Partitions of a server by which it is tried.
const SOUNDED: usize = 3;

impl Redis {
    /// Returns when all that was sent to this node before has been delivered to its mailboxes.
    ///
    /// # Errors
    /// If it does not come.
    pub async fn proof(&self) -> Result<(), Failed> {
        for host in self.atlas.hosts() {
            let number = self.sound(&host).await.map_err(Fault::of_look)?;
            let mut proven = host.ear.proven();
            let arrived = timeout(self.patience, proven.wait_for(|proven| *proven >= number)).await;
            if !matches!(arrived, Ok(Ok(_))) {
                return Err(Failed::NotDone);
            }
        }
        Ok(())
    }

    /// Sends something to this node itself, and returns its number when it was heard. All that the
    /// server sent before is then with the carrier.
    pub(super) async fn sound(&self, host: &Host) -> Result<u64, Fault> {
        // One that has just moved away hears nothing here.
        for partition in host.ear.opened().into_iter().take(SOUNDED) {
            match self.sound_by(host, partition).await {
                Err(Fault::Moving) => self.atlas.doubt(),
                heard => return heard,
            }
        }
        Err(Fault::NotDone)
    }

    async fn sound_by(&self, host: &Host, partition: Partition) -> Result<u64, Fault> {
        let number = self.proofs.fetch_add(1, Ordering::Relaxed) + 1;
        let mut heard = host.ear.heard();
        let mut publish = Cmd::new();
        publish.arg("SPUBLISH").arg(self.keys.inbox(partition, &self.me));
        publish.arg(wire::proof(number));
        let listeners: u32 = host.link.ask_in_time(&publish, self.lease).await?;
        if listeners == 0 {
            return Err(Fault::Moving);
        }
        let heard = heard.wait_for(|heard| *heard >= number);
        match host.ear.pulse.carries(self.lease, heard).await {
            Some(heard) => heard.map(|_| number).or(Err(Fault::NotDone)),
            None => {
                // Nobody else should wait for it either.
                host.link.give_up();
                Err(Fault::NotDone)
            }
        }
    }
}
