//! Network: sockets that stall and take more, devices that read, answer, and go away.

use std::collections::VecDeque;

use kernel::{
    message::Fenced,
    registry::Touch,
    shard::{Input, Slot},
};
use protocol::{
    frame::{FromSession, Received},
    limit::PROBE_WAIT,
};

use super::World;
use crate::{
    device::Kind,
    fault::Fault,
    oracle::Promise,
    socket::{Comeback, Gone, Place, Said, State},
    told::Case,
};

impl World {
    /// The device drops off the network; the server finds out later, if at all.
    pub(super) fn go_away(&mut self, device: usize, id: u64) {
        let how = self.dice.one_of(&[Gone::Told, Gone::Told, Gone::Reset, Gone::Silently]);
        self.say(format_args!("device {device} goes away from {id}: {how:?}"));
        self.devices[device].is_away();
        let room = self.dice.below(600);
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let place = socket.place;
        socket.gone = Some(how);
        if how == Gone::Silently {
            socket.room = socket.room.min(room);
            socket.said.clear();
        }
        if self.places.contains_key(&place) {
            self.end_turn(place.node, place.shard);
        } else {
            self.sockets.remove(&id);
        }
    }

    /// The network moves: sockets stall, take more, or are found to be gone.
    pub(super) fn network(&mut self) {
        if self.sockets.is_empty() {
            return;
        }
        let which = self.dice.below(self.sockets.len());
        let id = *self.sockets.keys().nth(which).expect("below their number");
        let stall = self.dice.chance(20);
        let room = if stall { self.dice.below(400) } else { usize::MAX };
        let socket = self.sockets.get_mut(&id).expect("found by its id");
        if socket.gone != Some(Gone::Silently) {
            let stays_slow = socket.room != usize::MAX && stall;
            socket.room = if stays_slow { socket.room + room } else { room };
        }
        self.socket_ready(id);
        self.hear(id);
    }

    /// The server writes what it can, the device reads what came; tells whether anything moved.
    pub(super) fn socket_ready(&mut self, id: u64) -> bool {
        let socket = &self.sockets[&id];
        let (place, gone, index) = (socket.place, socket.gone, socket.device);
        let open = self.places.contains_key(&place);
        match gone {
            Some(Gone::Silently) => return false,
            Some(Gone::Told | Gone::Reset) => {
                if open {
                    self.oracle.count(Case::Lost);
                    self.end_turn(place.node, place.shard);
                    self.lose(place);
                    self.obey(place.node, place.shard);
                }
                self.sockets.remove(&id);
                return true;
            }
            None => {}
        }
        if open && !self.is_frozen(place.node) {
            self.flush(place);
            self.obey(place.node, place.shard);
        }
        let Some(socket) = self.sockets.get_mut(&id) else { return true };
        let device = &mut self.devices[index];
        let mut moved = false;
        while let Some(line) = device.read(socket, &mut self.oracle) {
            moved = true;
            self.log.say(self.clock.now, format_args!("device {index} reads {line}"));
        }
        let state = socket.state;
        if state != State::Open {
            let (is_whole, fenced) = (socket.wire.is_empty(), socket.fenced);
            self.oracle.check(Promise::Frames, is_whole || state == State::Cut, || {
                format!("{fenced:?} is closed in the midst of a frame")
            });
            let said = std::mem::take(&mut socket.said);
            self.sockets.remove(&id);
            let token = device.token;
            device.closed(state, &mut self.oracle);
            self.may_be_stubborn(index, token);
            self.said_too_late(place, said);
            return true;
        }
        for _ in 0..std::mem::take(&mut device.pings) {
            if self.resting || self.dice.chance(95) {
                let as_frame = self.dice.chance(50) && device.kind == Kind::Sdk;
                socket.said.push_back(match as_frame {
                    true => Said::Frame(Box::new(Ok(received(FromSession::Pong, None)))),
                    false => Said::Pong,
                });
            }
        }
        moved
    }

    /// What a device sent arrives at its shard, in order, as far as that takes it.
    pub(super) fn hear(&mut self, id: u64) -> bool {
        let mut moved = false;
        // Frames wait while a send is under way; all behind them too.
        for _ in 0..8 {
            let Some(socket) = self.sockets.get_mut(&id) else { break };
            let place = socket.place;
            if self.nodes[place.node].frozen_at.is_some() && self.places.contains_key(&place) {
                break;
            }
            let Some(Said::Frame(_)) = socket.said.front() else {
                let Some(said) = socket.said.pop_front() else { break };
                self.is_heard(id, said);
                moved = true;
                continue;
            };
            let shard = &self.nodes[place.node].shards[place.shard];
            let is_here = self.places.contains_key(&place);
            if is_here && !shard.takes_frames(place.slot) {
                break;
            }
            let said = socket.said.pop_front().expect("it was there");
            self.is_heard(id, said);
            moved = true;
        }
        moved
    }

    fn is_heard(&mut self, id: u64, said: Said) {
        self.inputs += 1;
        let now = self.this_input();
        let socket = self.sockets.get_mut(&id).expect("it has said something");
        let place = socket.place;
        if !self.places.contains_key(&place) {
            return self.said_too_late(place, [said].into());
        }
        let is_over = is_goodbye(&said);
        socket.over_at = socket.over_at.or_else(|| is_over.then_some(now.at));
        if is_over && self.fault == Some(Fault::SentAfterGoodbye) {
            return;
        }
        let is_answer = socket.owes_answer();
        socket.heard = now;
        let is_bad = matches!(&said, Said::Frame(frame) if frame.is_err());
        socket.faults += usize::from(is_bad);
        let probed = socket.probed.is_some_and(|probed| probed.at.after(PROBE_WAIT) > now.at);
        if probed && self.fault == Some(Fault::AnswerIgnored) {
            return;
        }
        if is_over {
            self.oracle.count(match said {
                Said::Violation(_) => Case::BrokeRules,
                Said::Frame(_) | Said::Ping | Said::Pong | Said::Close(_) => Case::Left,
            });
        }
        let mut due = self.touches_due(id, &said);
        let fenced = self.sockets[&id].fenced;
        due.extend((is_answer && !is_farewell(&said)).then_some((fenced, Touch::Alive)));
        let before = self.calls.len();
        self.handle_next(place.node, place.shard, given(place.slot, said));
        for (fenced, touch) in due {
            self.is_touched(before, fenced, touch);
        }
    }

    /// What the registry is to learn of what a device said.
    fn touches_due(&mut self, id: u64, said: &Said) -> Vec<(Fenced, Touch)> {
        let (now, mut due) = (self.clock.now, Vec::new());
        let socket = self.sockets.get_mut(&id).expect("it has said something");
        if !is_farewell(said) && socket.comeback == Comeback::Yes && socket.opened_at.is_some() {
            socket.comeback = Comeback::Confirmed;
            due.push((socket.fenced, Touch::Welcomed));
        }
        let is_active = match said {
            Said::Frame(frame) => {
                frame.as_ref().as_ref().is_ok_and(|received| received.frame == FromSession::Active)
            }
            Said::Ping | Said::Pong | Said::Close(_) | Said::Violation(_) => false,
        };
        let told_lately = socket.active_told.is_some_and(|at| now.ms_since(at) < 5000);
        // In a flood it may not have been heard.
        if is_active && !told_lately && socket.faults == 0 {
            due.push((socket.fenced, Touch::Active));
        }
        due
    }

    /// What arrives after the end does nothing.
    fn said_too_late(&mut self, place: Place, said: VecDeque<Said>) {
        if self.nodes[place.node].life() != place.life {
            return;
        }
        for said in said {
            self.oracle.count(Case::SaidTooLate);
            self.handle_next(place.node, place.shard, given(place.slot, said));
        }
    }
}

/// Whether it is the last that a device says, of which nobody learns that it is there.
fn is_farewell(said: &Said) -> bool {
    matches!(said, Said::Close(_) | Said::Violation(_))
}

fn is_goodbye(said: &Said) -> bool {
    match said {
        Said::Frame(frame) => frame.as_ref().as_ref().is_ok_and(|r| r.frame == FromSession::Leave),
        Said::Close(code) => matches!(code, None | Some(1000)),
        Said::Violation(_) => true,
        Said::Ping | Said::Pong => false,
    }
}

fn given(slot: Slot, said: Said) -> Input {
    match said {
        Said::Frame(frame) => Input::Frame(slot, frame),
        Said::Ping => Input::Ping(slot, bytes::Bytes::from_static(b"pong\n")),
        Said::Pong => Input::Pong(slot),
        Said::Violation(violation) => Input::Violation(slot, violation),
        Said::Close(code) => Input::Left(slot, code),
    }
}

pub(super) fn received(frame: FromSession, reference: Option<String>) -> Received {
    Received { reference, frame }
}
