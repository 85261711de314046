//! Frozen: sessions whose place this node cannot vouch for.
//!
//! Without its lease of a partition a node does not know what became of its sessions there: others
//! may have parked, replaced or ended them. So it acts on none of their frames and writes no message
//! to them, until it was told what is still its own. Messages are not kept meanwhile, as the stream
//! has them: a session that was frozen reads on by its fence, which is void if others have it.
//! Volatile ones are lost. The silence of a session that nobody listens to counts for nothing.
//!
//! Not here: leases, and how a node finds out.

use std::collections::BTreeSet;

use protocol::partition::Partition;

use super::{Output, Shard, Slot};
use crate::{
    moment::Moment,
    session::{Flow, Phase, Session},
};

impl Shard {
    /// Whether sessions of a partition are frozen.
    #[must_use]
    pub fn is_frozen(&self, partition: Partition) -> bool {
        !self.frozen.is_empty() && self.frozen.contains_key(&partition)
    }

    /// The partition of a session.
    #[must_use]
    pub fn partition(&self, slot: Slot) -> Option<Partition> {
        self.get(slot).map(Session::partition)
    }

    pub(super) fn freeze(&mut self, mut partitions: BTreeSet<Partition>) {
        partitions.retain(|partition| !self.frozen.contains_key(partition));
        if partitions.is_empty() {
            return;
        }
        for partition in &partitions {
            self.frozen.insert(*partition, Vec::new());
        }
        for (index, session) in &mut self.sessions {
            if !partitions.contains(&session.partition()) {
                continue;
            }
            if session.outbox.is_some() {
                // What waits goes on waiting.
                session.flow = Flow::Stalled;
            }
            if let (Ok(index), Some(slots)) =
                (u32::try_from(index), self.frozen.get_mut(&session.partition()))
            {
                slots.push(Slot { index, generation: session.generation });
            }
        }
    }

    /// A session that comes while its partition is frozen is so too.
    pub(super) fn freeze_with_others(&mut self, slot: Slot, partition: Partition) {
        if let Some(slots) = self.frozen.get_mut(&partition) {
            slots.push(slot);
        }
    }

    pub(super) fn thaw(&mut self, now: Moment, partition: Partition) {
        for slot in self.frozen.remove(&partition).unwrap_or_default() {
            let Some(session) = self.get_mut(slot) else { continue };
            session.heard = now;
            session.pinged = None;
            if session.outbox.is_some() {
                self.outputs.push_back(Output::Flush(slot));
            } else {
                self.read_on(slot);
            }
            self.outputs.push_back(Output::Listen(slot));
        }
    }

    /// Reads on, now or when it is not frozen any more.
    pub(super) fn read_on_unless_frozen(&mut self, slot: Slot) {
        if self.partition(slot).is_some_and(|partition| !self.is_frozen(partition)) {
            self.read_on(slot);
        }
    }

    /// A page that came while the session is frozen is read again when it is not.
    pub(super) fn put_off(&mut self, slot: Slot) {
        let Some(session) = self.get_mut(slot) else { return };
        match &mut session.phase {
            Phase::Opening(opening) => opening.waiting = true,
            Phase::Replaying { waiting, .. } => *waiting = true,
            Phase::Following => {}
        }
    }

    /// What waits for the socket of a frozen session is not for it any more when it parts; only a
    /// frame that is begun is finished.
    pub(super) fn forget_waiting(&self, session: &mut Session) {
        if self.is_frozen(session.partition())
            && let Some(outbox) = &mut session.outbox
        {
            outbox.keep_begun();
        }
    }
}
