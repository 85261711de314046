//! Post: what Redis sends to this node, put into the mailboxes of its shards.
//!
//! Pub/sub is a doorbell that may fail. Each envelope has a number, one more than the last that was
//! sent to this node in its partition. One that is missing is not asked for again: what it said is
//! read where it is kept (`repair`), and only then the later ones are delivered, so that the order
//! holds.

use kernel::message::Envelope;
use protocol::partition::Partition;

use super::{
    Redis,
    host::Host,
    queue::Sent,
    wire::{self, Arrival, Mail},
};

impl Redis {
    /// Delivers what comes from a server while it is kept. It is left between two things and never
    /// within one: what is counted or noted is delivered as well, or made up for.
    pub(super) async fn carry(&self, host: &Host) {
        while let Some(sent) = host.ear.queue.next().await {
            let (Sent::Text(partition, _) | Sent::Due(partition, _) | Sent::Anew(partition, _)) =
                sent;
            // A partition may have moved, and what came before wait still.
            let _turn = self.counts.turn(partition).await;
            match sent {
                Sent::Text(_, text) => self.sort(host, partition, &text).await,
                Sent::Due(_, due) if self.counts.last(partition) < due => {
                    self.mend(partition, due).await;
                }
                Sent::Due(..) => {}
                Sent::Anew(_, due) => self.mend(partition, due).await,
            }
        }
    }

    async fn sort(&self, host: &Host, partition: Partition, text: &[u8]) {
        let arrival = str::from_utf8(text).map(wire::arrival);
        let (number, mail) = match arrival {
            Ok(Ok(Arrival::Counted(number, mail))) => (number, mail),
            Ok(Ok(Arrival::Proof(number))) => {
                return host.ear.prove(number);
            }
            Ok(Ok(Arrival::Gone(fenced))) => return self.roll.remove(fenced),
            Ok(Ok(Arrival::Leave)) => {
                self.asked.send_replace(true);
                return;
            }
            // Whoever can publish here can do worse; it is not ours.
            Ok(Err(_)) | Err(_) => return,
        };
        let last = self.counts.last(partition);
        if number <= last {
            return;
        }
        if number > last + 1 {
            self.mend(partition, number - 1).await;
        }
        self.counts.set_last(partition, number);
        if self.counts.is_broken(partition) {
            // What was missed before it is not known yet. The repair that is to come finds it too.
            return;
        }
        #[cfg(feature = "planted")]
        if crate::planted::loses_notice() {
            return;
        }
        match mail {
            Mail::Envelope(envelope) => self.deliver(envelope).await,
            // Too many wait already: it is for those who are there now, and is not kept.
            Mail::Broadcast(message) => drop(self.mailboxes.deliver_to_all(&message)),
            Mail::Foreign => self.mend(partition, number).await,
        }
    }

    /// Makes up for all that should have come by now. If that cannot be, nothing is delivered here
    /// before it could; it is tried with each renewal, and when Redis is there again.
    async fn mend(&self, partition: Partition, due: u64) {
        self.counts.set_last(partition, due);
        self.counts.note_repair();
        let term = self.tenure.term(partition);
        let is_broken = self.repair(partition).await.is_err();
        if !is_broken {
            self.mailboxes.thaw(partition, term).await;
        }
        if self.counts.set_broken(partition, is_broken) != is_broken {
            self.weigh();
        }
    }

    /// Delivers an envelope, when its shard has room.
    pub(super) async fn deliver(&self, envelope: Envelope) {
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::Fence)
            && matches!(envelope.notice, kernel::message::Notice::End { .. })
        {
            return;
        }
        self.mailboxes.deliver_in_time(envelope, |envelope| self.roll.note(envelope)).await;
    }
}
