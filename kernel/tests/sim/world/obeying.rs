//! Obeying: a shard is given what happens, and what it wants done is done.

use std::sync::Arc;

use bytes::Bytes;
use kernel::{
    message::Fenced,
    registry::Touch,
    shard::{Closing, Forward, Input, Output, Parting, Slot},
};
use protocol::{limit::PROBE_WAIT, name::UserId};

use super::{
    World,
    carrying::Call,
    node::{OUTBOX, OUTBOXES_BYTES},
};
use crate::{
    fault::Fault,
    oracle::Promise,
    socket::{Comeback, Gone, Pace, Place, State},
    told::Case,
};

/// What is written at once at most, frame and all.
const FRAME_BYTES_MAX: usize = 400;

impl World {
    /// A shard is given what happens; its turn may go on after it.
    pub(super) fn handle(&mut self, node: usize, shard: usize, input: Input) {
        self.inputs += 1;
        self.nodes[node].in_turn[shard] = true;
        self.nodes[node].waited[shard] = self.nodes[node].shards[shard].waiting_bytes();
        self.nodes[node].shards[shard].handle(self.clock.now, input);
        self.obey(node, shard);
        if self.dice.chance(60) {
            self.end_turn(node, shard);
        }
    }

    /// What a device does comes in a later turn than what it does it for.
    pub(super) fn handle_next(&mut self, node: usize, shard: usize, input: Input) {
        self.end_turn(node, shard);
        self.handle(node, shard, input);
    }

    pub(super) fn end_turn(&mut self, node: usize, shard: usize) {
        if std::mem::take(&mut self.nodes[node].in_turn[shard]) {
            self.nodes[node].shards[shard].handle(self.clock.now, Input::TurnEnd);
            self.obey(node, shard);
        }
    }

    /// Does what the shard says.
    pub(super) fn obey(&mut self, node: usize, shard: usize) {
        let (name, life) = (Arc::clone(&self.nodes[node].name), self.nodes[node].life());
        while let Some(output) = self.nodes[node].shards[shard].poll() {
            let place = |slot: Slot| Place { node, life, shard, slot };
            match output {
                Output::Send(slot, frame) => self.write(place(slot), &frame),
                // Who speaks is heard again anyway.
                Output::Listen(_) => {}
                Output::Flush(slot) => self.flush(place(slot)),
                Output::Close(slot, closing) => self.close(place(slot), &closing),
                Output::Read(slot, reader) => {
                    self.calls(Call::Read { place: place(slot), reader });
                }
                Output::Forward(slot, forward) => self.forward(place(slot), forward),
                Output::Touch(fenced, touch) => {
                    self.is_alive(fenced, touch);
                    self.calls(Call::Touch(Arc::clone(&name), fenced, touch));
                }
                Output::Park(parting) => {
                    self.may_park(&parting);
                    if !self.goes_wrong(Fault::ParkForgotten, 20) {
                        self.calls(Call::Park(Arc::clone(&name), parting));
                    }
                }
                Output::Release(parting) => {
                    self.may_release(&parting);
                    self.calls(Call::Release(Arc::clone(&name), parting));
                }
                Output::Probed(fenced) => self.answered(node, fenced),
                Output::Opened(fenced, user, resumed) => self.opened(fenced, &user, resumed),
            }
        }
        self.just_lost = None;
        self.is_bounded(node, shard);
    }

    fn write(&mut self, place: Place, frame: &Bytes) {
        let times = self.spoiled_times(frame);
        let (is_reset, just_lost) = (self.dice.chance(50), self.just_lost == Some(place));
        let Some(socket) = self.socket_of(place) else {
            return self.oracle.check(Promise::Void, just_lost, || {
                format!("{place:?} is written to after its end")
            });
        };
        if socket.gone == Some(Gone::Reset) && is_reset {
            self.oracle.count(Case::ResetOnWrite);
            return self.lose(place);
        }
        let mut took = frame.len();
        for _ in 0..times {
            took = socket.take(frame);
        }
        if took == frame.len() {
            return;
        }
        socket.pace = Pace::Stalled;
        self.oracle.count(Case::Stalled);
        let rest = frame.slice(took..);
        let shard = &mut self.nodes[place.node].shards[place.shard];
        shard.handle(self.clock.now, Input::Stalled(place.slot, rest));
    }

    /// The socket takes what it can of what waits for it.
    pub(super) fn flush(&mut self, place: Place) {
        loop {
            let now = self.this_input();
            let Some(id) = self.places.get(&place) else { return };
            let socket = self.sockets.get_mut(id).expect("places are of sockets");
            let shard = &mut self.nodes[place.node].shards[place.shard];
            let Some(outbox) = shard.outbox(place.slot) else { return };
            let bytes = outbox.slices().collect::<Vec<_>>().concat();
            let took = socket.take(&bytes);
            if socket.pace == Pace::Stalled && took > 0 {
                // A full socket takes more only when its device has.
                socket.heard = now;
            }
            socket.pace = match socket.pace {
                _ if took < bytes.len() => Pace::Stalled,
                Pace::Stalled => Pace::Uneven,
                pace @ (Pace::Steady | Pace::Uneven) => pace,
            };
            shard.handle(self.clock.now, Input::Took(place.slot, took));
            if took == 0 {
                return;
            }
        }
    }

    fn close(&mut self, place: Place, closing: &Closing) {
        let Some(id) = self.places.remove(&place) else { return };
        let waited = self.nodes[place.node].waited[place.shard];
        let now = self.clock.now;
        let socket = self.sockets.get_mut(&id).expect("places are of sockets");
        let slices = closing.outbox.iter().flat_map(|outbox| outbox.slices());
        let bytes = slices.collect::<Vec<_>>().concat();
        let took = socket.take(&bytes);
        socket.state = match took == bytes.len() {
            true => State::Closed(closing.code),
            false => State::Cut,
        };
        let (fenced, gone) = (socket.fenced, socket.gone);
        let was_slow = socket.pace != Pace::Steady;
        match closing.code {
            4001 => {
                self.oracle.count(Case::Slow);
                // The largest go first where all together are too much, and one may be large for as
                // long as a turn lasts.
                let crowded = waited > OUTBOXES_BYTES / 4;
                self.oracle.check(Promise::Alive, was_slow || crowded, || {
                    format!("{fenced:?} keeps up, and is called slow")
                });
            }
            4002 => {
                let silent_ms = now.ms_since(socket.heard.at);
                let probed = socket.probed.filter(|_| socket.owes_answer());
                let unanswered = probed.is_some_and(|probed| probed.at.after(PROBE_WAIT) <= now);
                self.oracle.check(Promise::Alive, silent_ms >= 35_000 || unanswered, || {
                    format!("{fenced:?} answered {silent_ms} ms ago, and is given up")
                });
                self.oracle.count_if(Case::NotAnswered, unanswered);
                self.oracle.count_if(Case::HalfOpenFound, gone == Some(Gone::Silently));
            }
            4000 => {
                let is_frozen = self.is_grace_over(place.node);
                let leaves = self.nodes[place.node].is_leaving() || is_frozen;
                self.oracle.count_if(Case::GraceOver, is_frozen);
                self.oracle.check(Promise::Drained, leaves, || {
                    format!("{fenced:?} is sent away by n{}, which stays", place.node)
                });
            }
            _ => {}
        }
        self.say(format_args!("closed {id} {fenced:?} {}", closing.code));
        if gone.is_some() {
            self.sockets.remove(&id);
        }
    }

    /// The server finds out that a socket is gone.
    pub(super) fn lose(&mut self, place: Place) {
        if self.places.remove(&place).is_none() {
            return;
        }
        self.just_lost = Some(place);
        self.inputs += 1;
        self.nodes[place.node].shards[place.shard].handle(self.clock.now, Input::Lost(place.slot));
    }

    fn opened(&mut self, fenced: Fenced, user: &UserId, resumed: bool) {
        for socket in self.sockets.values_mut().filter(|socket| socket.fenced == fenced) {
            socket.opened_at = Some(self.clock.now);
            if let Some(late) = self.mischief.for_latecomer(self.fault, user, resumed) {
                socket.take(&late);
            }
        }
    }

    /// A session sends something: it must be there, and its ticket must have said so.
    fn forward(&mut self, place: Place, forward: Forward) {
        let session = forward.session;
        let facts = self.oracle.facts[&session].clone();
        let granted = facts.send.allows(&forward.frame.user);
        self.oracle.check(Promise::Grant, granted, || {
            format!("{session} sends to {} and may send to {:?}", forward.frame.user, facts.send)
        });
        let socket = self.socket_of(place);
        let stays = socket.as_ref().is_some_and(|socket| socket.over_at.is_none());
        let waits = socket.is_some_and(|socket| {
            socket.sends += 1;
            socket.sends > 1
        });
        self.oracle.check(Promise::Once, !waits, || format!("{session} overtakes itself"));
        self.oracle.check(Promise::Void, stays, || format!("{session} sends after its end"));
        self.calls(Call::Send { place, forward });
    }

    /// Nobody is said to have answered who has not said a word since.
    fn is_alive(&mut self, fenced: Fenced, touch: Touch) {
        if touch == Touch::Active {
            let now = self.clock.now;
            let here = self.sockets.values_mut().filter(|socket| socket.fenced == fenced);
            here.for_each(|socket| socket.active_told = Some(now));
        }
        if touch != Touch::Alive {
            return;
        }
        let here = |place: &Place| self.places.contains_key(place);
        let socket = self.sockets.values().find(|s| s.fenced == fenced && here(&s.place));
        let answered = socket.is_some_and(|socket| {
            socket.opened_at.is_none()
                || socket.probed.is_some_and(|at| at.step < socket.heard.step)
        });
        self.oracle.check(Promise::Alive, answered, || format!("nobody answered at {fenced:?}"));
    }

    /// A session ends by its node's word only if it left, broke a rule, or never knew of itself.
    fn may_release(&mut self, parting: &Parting) {
        let Parting { fenced, code, .. } = parting;
        let socket = self.sockets.values().find(|socket| socket.fenced == *fenced);
        let knows = socket.is_some_and(|socket| {
            socket.was_welcomed && socket.over_at.is_none() && socket.faults < 3
        });
        self.oracle.check(Promise::Kept, !knows, || {
            format!("{fenced:?} has its welcome, and is ended for good: {code}")
        });
        self.oracle.count_if(Case::NeverWelcomed, socket.is_none_or(|s| !s.was_welcomed));
    }

    /// A session that nobody can know of holds no place.
    fn may_park(&mut self, parting: &Parting) {
        let fenced = parting.fenced;
        let socket = self.sockets.values().find(|socket| socket.fenced == fenced);
        let unknown = socket.is_some_and(|s| s.comeback == Comeback::No && s.opened_at.is_none());
        self.oracle.check(Promise::Kept, !unknown, || {
            format!("{fenced:?} never got its welcome, and is parked")
        });
    }

    /// A shard has just its sockets, and keeps no more for them than it may.
    fn is_bounded(&mut self, node: usize, shard: usize) {
        let life = self.nodes[node].life();
        let here = |place: &Place| (place.node, place.life, place.shard) == (node, life, shard);
        let kernel = &self.nodes[node].shards[shard];
        let (mut sockets, mut waiting, mut most) = (0, 0, (0, 0));
        for socket in self.sockets.values() {
            if !here(&socket.place) || !self.places.contains_key(&socket.place) {
                continue;
            }
            sockets += 1;
            if let Some(outbox) = kernel.outbox(socket.place.slot) {
                waiting += outbox.bytes();
                most = (most.0.max(outbox.bytes()), most.1.max(outbox.slices().count()));
            }
        }
        let (len, counted) = (kernel.len(), kernel.waiting_bytes());
        self.oracle.check(Promise::Bounded, len == sockets, || {
            format!("n{node} keeps {len} sessions for {sockets} sockets")
        });
        let bounded = counted == waiting
            && counted <= OUTBOXES_BYTES
            && most.0 <= OUTBOX.bytes + FRAME_BYTES_MAX
            && most.1 <= OUTBOX.frames + 1;
        self.oracle.count_if(Case::Crowded, counted > OUTBOXES_BYTES / 4 * 3);
        self.oracle.check(Promise::Bounded, bounded, || {
            format!("n{node} counts {counted} bytes that wait, {waiting} do, {most:?} for one")
        });
    }
}
