//! Room: what may wait for all slow sessions together.
//!
//! Each outbox has its bound, but many of them at once could still take all memory. When together
//! they are too much, the largest are parked first; their streams keep what they miss.

use protocol::close::CloseCode;

use super::{Shard, Slot};

impl Shard {
    /// Counts what an outbox has gained or lost since it had `before`.
    pub(super) fn recount(&mut self, slot: Slot, before: usize) {
        let after = self.get(slot).map_or(0, |session| session.waiting_bytes());
        self.waiting_bytes = self.waiting_bytes + after - before;
        if self.waiting_bytes > self.options.outboxes_bytes {
            self.make_room();
        }
    }

    /// Parks the largest until some room is free again, so that it is not looked for at each frame.
    fn make_room(&mut self) {
        let enough = self.options.outboxes_bytes / 8 * 7;
        let mut waiting: Vec<(usize, Slot)> = self
            .all()
            .map(|(slot, session)| (session.waiting_bytes(), slot))
            .filter(|(bytes, _)| *bytes > 0)
            .collect();
        waiting.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (_, slot) in waiting {
            if self.waiting_bytes <= enough {
                return;
            }
            self.park(slot, CloseCode::Slow);
        }
    }
}
