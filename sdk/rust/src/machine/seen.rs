//! Seen: the ids of messages that came, so that none is shown twice.

use std::collections::{HashSet, VecDeque};

use protocol::{id::MessageId, limit::STREAM_MESSAGES_MAX};

/// Ids that are remembered. What comes again is at most what a stream holds; twice that, since a
/// server may be told to hold more.
const SEEN_MAX: usize = 2 * STREAM_MESSAGES_MAX;

/// The last ids.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Seen {
    /// Whether a message came for the first time.
    pub(super) fn is_new(&mut self, id: MessageId) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
