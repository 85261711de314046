//! Frozen: sessions whose place this node cannot vouch for.
//!
//! Without its lease of a partition a node does not know what became of its sessions there: others
//! may have parked, replaced or ended them. So it acts on none of their frames and writes no message
//! to them, until it was told what is still its own. Messages are not kept meanwhile, as the stream
//! has them: a session that was frozen reads on by its fence, which is void if others have it.
//! Volatile ones are lost. The silence of a session that nobody listens to counts for nothing.
//!
//! Nobody waits for ever: after a grace those of a partition are told to leave, as other nodes may
//! do better. If the lease is held again before they have gone, they stay.
//!
//! Not here: leases, and how a node finds out.

use std::collections::BTreeSet;

use protocol::partition::Partition;

use super::{Output, Shard, Slot};
use crate::{
    moment::Moment,
    session::{Flow, Phase, Session},
};

/// A partition without a lease.
#[derive(Debug)]
pub(super) struct Frozen {
    /// Until when its sessions wait; never, if they were told to leave.
    until: Moment,
    /// Who was there or came since.
    slots: Vec<Slot>,
}

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

    pub(super) fn freeze(&mut self, now: Moment, mut partitions: BTreeSet<Partition>) {
        partitions.retain(|partition| !self.frozen.contains_key(partition));
        if partitions.is_empty() {
            return;
        }
        let until = now.after(self.options.grace);
        for partition in &partitions {
            self.frozen.insert(*partition, Frozen { until, slots: Vec::new() });
        }
        for (index, session) in &mut self.sessions {
            if !partitions.contains(&session.partition()) {
                continue;
            }
            if session.outbox.is_some() {
                // What waits goes on waiting.
                session.flow = Flow::Stalled;
            }
            if let (Ok(index), Some(frozen)) =
                (u32::try_from(index), self.frozen.get_mut(&session.partition()))
            {
                frozen.slots.push(Slot { index, generation: session.generation });
            }
        }
    }

    /// A session that comes while its partition is frozen is so too.
    pub(super) fn freeze_with_others(&mut self, now: Moment, slot: Slot, partition: Partition) {
        if let Some(frozen) = self.frozen.get_mut(&partition) {
            frozen.until = frozen.until.min(now.after(self.options.grace));
            frozen.slots.push(slot);
        }
    }

    /// Tells those to leave who have been frozen for too long.
    pub(super) fn end_graces(&mut self, now: Moment) {
        let mut slots = Vec::new();
        for frozen in self.frozen.values_mut().filter(|frozen| frozen.until <= now) {
            frozen.until = Moment::NEVER;
            slots.extend(&frozen.slots);
        }
        let stays = |session: &Session| session.closes_at == Moment::NEVER;
        slots.retain(|slot| self.get(*slot).is_some_and(stays));
        let window = self.options.grace_window;
        self.tell_all_to_leave(now, &slots, window);
    }

    pub(super) fn thaw(&mut self, now: Moment, partition: Partition) {
        let Some(frozen) = self.frozen.remove(&partition) else { return };
        let is_leaving = self.leaving_until.is_some();
        for slot in frozen.slots {
            let Some(session) = self.get_mut(slot) else { continue };
            session.heard = now;
            session.pinged = None;
            if !is_leaving {
                session.closes_at = Moment::NEVER;
            }
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
