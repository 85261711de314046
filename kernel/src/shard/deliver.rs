//! Writing to sessions: messages as they come, and all other frames.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    close::CloseCode,
    frame::{self, ToSession},
    name::UserId,
    position::Position,
};

use super::{Output, Shard, Slot};
use crate::{
    message::Message,
    moment::Moment,
    outbox, plan,
    session::{Flow, Phase},
};

/// Whether a slow session may go without a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Rather than lose it, the session is parked.
    Must,
    /// It is dropped first.
    May,
    /// It is read again when the socket has taken what waits.
    Again,
}

/// A message as its frame shows it.
pub(super) fn shown(message: &Message, replayed: bool) -> frame::Message<'_> {
    frame::Message {
        id: message.id,
        position: message.position,
        data: &message.data,
        at: message.at,
        from: message.from.as_ref(),
        echo_of: message.echo_of.as_ref(),
        replayed,
    }
}

impl Shard {
    /// Gives a message to the user's sessions for which it is; encoded once for all of them.
    pub(super) fn deliver(&mut self, user: &UserId, message: &Arc<Message>) {
        let mut encoded: Option<Bytes> = None;
        for slot in self.slots_of(user) {
            if !self.is_due(slot, message) {
                continue;
            }
            let encode = self.options.encode;
            let frame = encoded
                .get_or_insert_with(|| encode(&ToSession::Message(shown(message, false))))
                .clone();
            let need = if message.position.is_some() { Need::Must } else { Need::May };
            if self.write(slot, frame, need) {
                self.counts.delivered += 1;
            }
        }
    }

    /// The stream goes up to `head`, in another epoch than that of who follows it.
    pub(super) fn catch_up(&mut self, user: &UserId, head: Position) {
        for slot in self.slots_of(user) {
            let Some(session) = self.get_mut(slot) else { continue };
            match &mut session.phase {
                Phase::Opening(opening) => opening.seen = opening.seen.max(head),
                Phase::Replaying { seen, .. } => *seen = (*seen).max(head),
                Phase::Following if session.position.epoch < head.epoch => {
                    session.phase = Phase::Replaying { seen: head, waiting: true, tell: false };
                    self.read_on_unless_frozen(slot);
                }
                Phase::Following => {}
            }
        }
    }

    /// Whether a session gets a message now; notes how far its stream goes.
    fn is_due(&mut self, slot: Slot, message: &Message) -> bool {
        let Some(partition) = self.partition(slot) else { return false };
        let frozen = self.is_frozen(partition);
        let Some(session) = self.get_mut(slot) else { return false };
        let meant = plan::matches(message, &session.member());
        let Some(position) = message.position else {
            return meant && !session.is_opening() && !frozen;
        };
        match &mut session.phase {
            Phase::Opening(opening) => {
                opening.seen = opening.seen.max(position);
                false
            }
            Phase::Replaying { seen, .. } => {
                *seen = (*seen).max(position);
                false
            }
            Phase::Following if frozen => {
                session.phase = Phase::Replaying { seen: position, waiting: true, tell: false };
                false
            }
            Phase::Following if position.epoch != session.position.epoch => {
                let reader = session.reader();
                session.phase = Phase::Replaying { seen: position, waiting: false, tell: false };
                self.outputs.push_back(Output::Read(slot, reader));
                false
            }
            Phase::Following => {
                let fresh = position > session.position;
                session.position = session.position.max(position);
                fresh && meant
            }
        }
    }

    /// Writes one frame: past the outbox if it is the first of the turn, else into it. A session
    /// that is too slow for a frame that it must get is parked. Tells whether the frame is on its
    /// way.
    pub(super) fn write(&mut self, slot: Slot, frame: Bytes, need: Need) -> bool {
        let (turn, bounds) = (self.turn, self.options.outbox);
        let Some(session) = self.get_mut(slot) else { return false };
        if session.outbox.is_none() && session.turn != turn {
            session.turn = turn;
            self.outputs.push_back(Output::Send(slot, frame));
            return true;
        }
        let before = session.waiting_bytes();
        let outbox = session.outbox.get_or_insert_default();
        let was_half_full = outbox.is_half_full(&bounds);
        let pushed = match need {
            Need::Must | Need::Again => outbox.push(frame, &bounds),
            Need::May if outbox.push_volatile(frame, &bounds) => Ok(0),
            Need::May => Err(outbox::Full { dropped: 1 }),
        };
        let (fits, dropped) = match pushed {
            Ok(dropped) => (true, dropped),
            Err(outbox::Full { dropped }) => (false, dropped),
        };
        // A turn in which much happens does not make the session a slow one.
        let half_full = !was_half_full && outbox.is_half_full(&bounds);
        let flow = session.flow;
        if fits && flow == Flow::Free {
            session.flow = Flow::Dirty;
            self.dirty.push(slot);
        }
        if fits && flow != Flow::Stalled && half_full {
            self.outputs.push_back(Output::Flush(slot));
        }
        self.counts.dropped += dropped;
        self.recount(slot, before);
        if !fits && need == Need::Must {
            self.park(slot, CloseCode::Slow);
        }
        // To make room the session itself may have been parked.
        fits && self.get(slot).is_some()
    }

    /// Encodes a frame for one session and writes it.
    pub(super) fn tell(&mut self, slot: Slot, frame: &ToSession<'_>) -> bool {
        let frame = (self.options.encode)(frame);
        self.write(slot, frame, Need::Must)
    }

    pub(super) fn stalled(&mut self, slot: Slot, rest: Bytes) {
        let Some(session) = self.get_mut(slot) else {
            // It was closed in the same breath; the close frame must not come into the midst of
            // another.
            for output in &mut self.outputs {
                if let Output::Close(closed, closing) = output
                    && *closed == slot
                {
                    closing.outbox.get_or_insert_default().push_rest(rest);
                    return;
                }
            }
            return;
        };
        let before = session.waiting_bytes();
        session.outbox.get_or_insert_default().push_rest(rest);
        session.flow = Flow::Stalled;
        self.recount(slot, before);
    }

    /// The frame comes before what waits, and none of it is on the wire.
    pub(super) fn unsent(&mut self, slot: Slot, frame: Bytes) {
        let Some(session) = self.get_mut(slot) else { return };
        let before = session.waiting_bytes();
        session.outbox.get_or_insert_default().push_first(frame);
        session.flow = Flow::Stalled;
        self.recount(slot, before);
    }

    pub(super) fn took(&mut self, now: Moment, slot: Slot, bytes: usize) {
        let Some(session) = self.get_mut(slot) else { return };
        let before = session.waiting_bytes();
        let Some(outbox) = &mut session.outbox else { return };
        outbox.took(bytes);
        let (was, is_empty) = (session.flow, outbox.is_empty());
        session.flow = if is_empty { Flow::Free } else { Flow::Stalled };
        if is_empty {
            session.outbox = None;
        }
        self.recount(slot, before);
        if was == Flow::Stalled && bytes > 0 {
            // A full socket takes more only when the peer has acknowledged some: it is there.
            self.is_there(now, slot);
        }
        if is_empty {
            self.read_on(slot);
        }
    }

    pub(super) fn end_turn(&mut self) {
        self.turn = self.turn.wrapping_add(1).max(1);
        for slot in std::mem::take(&mut self.dirty) {
            let Some(session) = self.get_mut(slot) else { continue };
            if session.flow == Flow::Dirty {
                self.outputs.push_back(Output::Flush(slot));
            }
        }
    }
}
