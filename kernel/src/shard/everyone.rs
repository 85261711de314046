//! Everyone: messages for all sessions of the shard.
//!
//! To write to thousands of sockets takes a tenth of a second, in which nothing else would happen.
//! So it is done in parts, between which others get their turn. Whoever comes after the beginning
//! does not get it, nor does whoever is too slow: it is not kept for later.
//!
//! Nearly all that a delivery costs is the call to the system. So messages that are under way
//! together go round together: a new one joins the round where it is and ends where it joined, and
//! each session gets all of them in one call, in the order in which they came.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use protocol::{frame::ToSession, limit};

use super::{
    Shard, Slot,
    deliver::{Need, shown},
};
use crate::{message::Message, outbox, plan, session::Session};

/// Sessions that are written to before others get their turn: half a millisecond.
const PART: usize = 64;

/// Bytes that are written before others get their turn, however few sessions get them.
const PART_BYTES: usize = 256 * 1024;

/// Messages that go round together. With more, each would hardly be cheaper.
const TOGETHER: usize = 16;

/// Bytes of a frame's head, and of what the message says beside its data.
const AROUND_DATA_BYTES: usize = 2048;

/// Messages to everyone that are under way, from the oldest on.
#[derive(Debug, Default)]
pub(super) struct Round {
    broadcasts: VecDeque<Broadcast>,
    /// The place of the next session.
    next: u32,
}

/// A message to everyone, under way.
#[derive(Debug)]
struct Broadcast {
    message: Arc<Message>,
    frame: Bytes,
    /// The last session that was there when it began.
    newest: u32,
    /// Where it began; there it ends when it comes round.
    first: u32,
    /// Whether it has begun at the first place again.
    is_round: bool,
}

impl Broadcast {
    fn is_for(&self, session: &Session) -> bool {
        // Generations are counted round, so that only their distance says which is older.
        let was_there = self.newest.wrapping_sub(session.generation) < u32::MAX / 2;
        was_there && !session.is_opening() && plan::matches(&self.message, &session.member())
    }
}

impl Round {
    pub(super) fn is_over(&self) -> bool {
        self.broadcasts.is_empty()
    }

    /// Whether one more may join, however large: a session that keeps up must have room for all.
    pub(super) fn has_room(&self, bounds: &outbox::Bounds) -> bool {
        let bytes: usize = self.broadcasts.iter().map(|broadcast| broadcast.frame.len()).sum();
        let fits = bytes + limit::DATA_BYTES_MAX + AROUND_DATA_BYTES <= bounds.bytes;
        self.is_over() || (fits && self.broadcasts.len() < TOGETHER.min(bounds.frames))
    }

    /// Goes on to the next of `places`.
    fn advance(&mut self, places: usize) {
        self.next += 1;
        if self.next as usize >= places {
            self.next = 0;
            self.broadcasts.iter_mut().for_each(|broadcast| broadcast.is_round = true);
        }
        let ends = |broadcast: &Broadcast| broadcast.is_round && broadcast.first == self.next;
        // Whichever began first ends first.
        while self.broadcasts.front().is_some_and(ends) {
            self.broadcasts.pop_front();
        }
    }
}

impl Shard {
    /// Begins a message to everyone.
    pub(super) fn everyone(&mut self, message: Arc<Message>) {
        let frame = (self.options.encode)(&ToSession::Message(shown(&message, false)));
        let (newest, first) = (self.next_generation, self.round.next);
        let broadcast = Broadcast { message, frame, newest, first, is_round: false };
        self.round.broadcasts.push_back(broadcast);
        self.go_on();
    }

    /// Writes to some more sessions.
    pub(super) fn go_on(&mut self) {
        let mut round = std::mem::take(&mut self.round);
        let places = self.sessions.capacity();
        let (mut sessions, mut bytes, mut frames) = (0, 0, Vec::with_capacity(TOGETHER));
        while sessions < PART && bytes < PART_BYTES && !round.is_over() {
            let index = round.next;
            let frozen = &self.frozen;
            let awake =
                |session: &Session| frozen.is_empty() || !frozen.contains_key(&session.partition());
            if let Some(session) =
                self.sessions.get_mut(index as usize).filter(|session| awake(session))
            {
                let due = round.broadcasts.iter().filter(|broadcast| broadcast.is_for(session));
                frames.extend(due.map(|broadcast| broadcast.frame.clone()));
                if frames.len() > 1 {
                    // None goes ahead of the others.
                    session.turn = self.turn;
                }
                sessions += usize::from(!frames.is_empty());
                let slot = Slot { index, generation: session.generation };
                for frame in frames.drain(..) {
                    bytes += frame.len();
                    self.counts.delivered += u64::from(self.write(slot, frame, Need::May));
                }
            }
            round.advance(places);
        }
        self.round = round;
    }
}
