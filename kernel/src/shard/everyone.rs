//! Everyone: one message for all sessions of the shard.
//!
//! To write to thousands of sockets takes a tenth of a second, in which nothing else would happen.
//! So it is done in parts, between which others get their turn. Whoever comes after the beginning
//! does not get it, nor does whoever is too slow: it is not kept for later.

use std::sync::Arc;

use bytes::Bytes;
use protocol::frame::ToSession;

use super::{
    Shard, Slot,
    deliver::{Need, shown},
};
use crate::{message::Message, plan};

/// Sessions that are written to before others get their turn.
const PART: usize = 256;

/// A message to everyone, under way.
#[derive(Debug)]
pub(super) struct Broadcast {
    message: Arc<Message>,
    frame: Bytes,
    /// The place of the next session.
    next: u32,
    /// The last session that was there when it began.
    newest: u32,
}

impl Shard {
    /// Begins a message to everyone; one that is under way is finished first.
    pub(super) fn everyone(&mut self, message: Arc<Message>) {
        while self.broadcast.is_some() {
            self.go_on();
        }
        let frame = (self.options.encode)(&ToSession::Message(shown(&message, false)));
        let newest = self.next_generation;
        self.broadcast = Some(Broadcast { message, frame, next: 0, newest });
        self.go_on();
    }

    /// Writes to some more sessions.
    pub(super) fn go_on(&mut self) {
        let Some(mut broadcast) = self.broadcast.take() else { return };
        let end = u32::try_from(self.sessions.capacity()).unwrap_or(u32::MAX);
        let mut left = PART;
        while left > 0 && broadcast.next < end {
            let index = broadcast.next;
            broadcast.next += 1;
            let Some(session) = self.sessions.get(index as usize) else { continue };
            let generation = session.generation;
            // Generations are counted round, so that only their distance says which is older.
            let was_there = broadcast.newest.wrapping_sub(generation) < u32::MAX / 2;
            let meant = plan::matches(&broadcast.message, &session.member());
            if !was_there || !meant || session.is_opening() {
                continue;
            }
            left -= 1;
            let slot = Slot { index, generation };
            if self.write(slot, broadcast.frame.clone(), Need::May) {
                self.counts.delivered += 1;
            }
        }
        if broadcast.next < end {
            self.broadcast = Some(broadcast);
        }
    }
}
