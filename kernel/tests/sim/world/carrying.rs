//! Carrying: what is on its way between shards, nodes and the engine, and arrives in any order.

use std::{sync::Arc, time::Duration};

use kernel::{
    message::{Envelope, Fenced, Message, NodeRef, Notice},
    moment::Moment,
    registry::{Admitted, Attempt, Draft, Reader, Touch},
    shard::{Forward, Input, Parting},
    stream::Page,
};
use protocol::{
    close::CloseCode, frame::ReplyOutcome, id::MessageId, name::UserId, partition::slice_of,
};

use super::{SHARDS, World};
use crate::{
    device::Phase,
    fault::Fault,
    oracle::Promise,
    socket::{Place, State},
    told::Case,
};

/// Nodes give up what takes longer; shards remember ends for at least so long.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(9);

/// Something that is on its way since.
#[derive(Debug)]
pub(super) struct Late<T> {
    pub(super) since: Moment,
    pub(super) what: T,
}

/// How far a node is with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    First,
    /// It was answered with a question, and tries again.
    Again,
    /// It does not wait for the answer any more.
    GivenUp,
}

/// A connect attempt at a node.
#[derive(Debug, Clone)]
pub(super) struct Connect {
    pub(super) since: Moment,
    pub(super) node: usize,
    /// In which of the node's lives.
    pub(super) life: u64,
    pub(super) device: usize,
    pub(super) number: u64,
    pub(super) attempt: Box<Attempt>,
    pub(super) stage: Stage,
}

/// A call on its way to the engine.
#[derive(Debug)]
pub(super) enum Call {
    Admit(Connect),
    Hold(Connect, Duration),
    /// Takes back what was given up.
    Withdraw(Connect),
    Read {
        place: Place,
        reader: Reader,
    },
    Park(Arc<NodeRef>, Parting),
    Release(Arc<NodeRef>, Parting),
    Touch(Arc<NodeRef>, Fenced, Touch),
    Send {
        place: Place,
        forward: Forward,
    },
    /// The sender's own copy of what was just accepted.
    Copy {
        place: Place,
        reference: Option<String>,
        id: MessageId,
        sender: UserId,
        draft: Box<Draft>,
    },
}

/// An answer on its way to a node.
#[derive(Debug)]
pub(super) enum Answer {
    Admit(Connect, Result<Box<Admitted>, CloseCode>),
    /// It may come again after this time.
    Later(Connect, Duration),
    Read {
        place: Place,
        page: Option<Page>,
    },
    Send {
        place: Place,
        reference: Option<String>,
        outcome: ReplyOutcome,
    },
}

impl Call {
    /// Whether a node in one of its lives made it.
    pub(super) fn is_of(&self, index: usize, name: &NodeRef) -> bool {
        match self {
            Self::Admit(connect) | Self::Hold(connect, _) | Self::Withdraw(connect) => {
                (connect.node, connect.life) == (index, name.generation)
            }
            Self::Park(node, _) | Self::Release(node, _) | Self::Touch(node, ..) => **node == *name,
            Self::Read { place, .. } | Self::Send { place, .. } | Self::Copy { place, .. } => {
                (place.node, place.life) == (index, name.generation)
            }
        }
    }
}

impl Answer {
    pub(super) fn to(&self) -> (usize, u64) {
        match self {
            Self::Admit(connect, _) | Self::Later(connect, _) => (connect.node, connect.life),
            Self::Read { place, .. } | Self::Send { place, .. } => (place.node, place.life),
        }
    }
}

impl World {
    pub(super) fn calls(&mut self, call: Call) {
        self.calls.push(Late { since: self.clock.now, what: call });
    }

    pub(super) fn answers(&mut self, since: Moment, answer: Answer) {
        self.answers.push(Late { since, what: answer });
    }

    /// Some user's next envelope arrives at a node; tells whether there was one.
    pub(super) fn deliver(&mut self, node: usize) -> bool {
        let mail = &self.nodes[node].mail;
        if mail.is_empty() {
            return false;
        }
        let user = mail[self.dice.below(mail.len())].what.user.clone();
        self.deliver_to(node, &user);
        true
    }

    /// A user's next envelope arrives at a node.
    pub(super) fn deliver_to(&mut self, node: usize, user: &UserId) {
        let mail = &self.nodes[node].mail;
        let mut of_user = (0..mail.len()).filter(|n| mail[*n].what.user == *user);
        let first = of_user.next().expect("it was taken from there");
        let second = of_user.next();
        let swapped = second.is_some() && self.goes_wrong(Fault::MailSwapped, 30);
        let place = second.filter(|_| swapped).unwrap_or(first);
        let envelope = self.nodes[node].mail.remove(place).what;
        self.say(format_args!("n{node} hears {envelope:?}"));
        let shard = slice_of(user, SHARDS);
        match &envelope.notice {
            Notice::Message(message) => {
                if self.goes_wrong(Fault::MessageLost, 20) {
                    return;
                }
                self.tells_of(node, shard, message);
                self.mischief.keeps(self.fault, user, message);
            }
            Notice::End { sessions, end } => {
                let (sessions, code) = (sessions.clone(), end.code);
                for fenced in &sessions {
                    let heard = self.nodes[node].heard_ends.entry(fenced.session).or_default();
                    *heard = (*heard).max(fenced.fence);
                }
                let served = self.served(node, &sessions);
                let ignored =
                    code == CloseCode::Replaced && self.goes_wrong(Fault::ReplacedStillServed, 20);
                if !ignored {
                    self.handle(node, shard, Input::Deliver(envelope));
                }
                self.are_served_no_more(&served, code);
                return;
            }
            Notice::Probe(sessions) => {
                // Who asks does not wait for ever.
                if !self.resting && self.dice.chance(20) || self.is_frozen(node) {
                    self.lost_probes.extend(sessions);
                    return;
                }
                let sessions = sessions.clone();
                return self.probe(node, shard, envelope, &sessions);
            }
            Notice::Probed(fenced) if !self.resting && self.dice.chance(20) => {
                self.lost_probes.insert(*fenced);
                return;
            }
            // No registry forgets here.
            Notice::Behind(_) | Notice::Probed(_) => {}
        }
        let dropped = |world: &Self| world.nodes[node].shards[shard].counts().dropped;
        let before = dropped(self);
        self.handle(node, shard, Input::Deliver(envelope));
        self.oracle.count_if(Case::VolatileMissed, dropped(self) > before);
    }

    /// A node is asked whether anybody is at these sessions; it knows of those that just came.
    fn probe(&mut self, node: usize, shard: usize, question: Envelope, sessions: &[Fenced]) {
        let (now, mut opening) = (self.this_input(), Vec::new());
        for socket in self.sockets.values_mut().filter(|s| sessions.contains(&s.fenced)) {
            if !self.places.contains_key(&socket.place) {
                continue;
            }
            match socket.opened_at {
                Some(_) => socket.probed = Some(now),
                None => opening.push(socket.fenced),
            }
        }
        let before = self.calls.len();
        self.handle(node, shard, Input::Deliver(question));
        for fenced in opening {
            self.is_touched(before, fenced, Touch::Alive);
        }
    }

    /// Among the calls since is one that tells the engine of that.
    pub(super) fn is_touched(&mut self, since: usize, fenced: Fenced, touch: Touch) {
        let told = |call: &Late<Call>| matches!(&call.what, Call::Touch(_, of, what) if *of == fenced && *what == touch);
        let is_told = self.calls[since..].iter().any(told);
        self.oracle.check(Promise::Touched, is_told, || format!("{fenced:?}: {touch:?}"));
    }

    /// What a shard is told of a message that is not kept is noted: later ones must not get it.
    pub(super) fn tells_of(&mut self, node: usize, shard: usize, message: &Message) {
        if message.position.is_none() {
            let life = self.nodes[node].life();
            self.oracle.passes(message, (node, life, shard, self.inputs));
        }
    }

    /// The open sockets at a node of sessions that are over.
    fn served(&self, node: usize, over: &[Fenced]) -> Vec<u64> {
        let life = self.nodes[node].life();
        let is_over = |fenced: Fenced| {
            over.iter().any(|over| over.session == fenced.session && over.fence >= fenced.fence)
        };
        let served = self.sockets.iter().filter(|(_, socket)| {
            let here = (socket.place.node, socket.place.life) == (node, life);
            here && is_over(socket.fenced) && self.places.contains_key(&socket.place)
        });
        served.map(|(id, _)| *id).collect()
    }

    /// Their node has heard that these are over: their sockets are closed, with that code.
    fn are_served_no_more(&mut self, served: &[u64], code: CloseCode) {
        for id in served {
            let Some(socket) = self.sockets.get(id) else { continue };
            let open = self.places.contains_key(&socket.place);
            let told =
                matches!(socket.state, State::Cut) || socket.state == State::Closed(code.number());
            let fenced = socket.fenced;
            self.oracle.check(Promise::Void, !open && told, || {
                format!("its node has heard {code} of {fenced:?}, which is served: {open}")
            });
        }
    }

    pub(super) fn answer(&mut self, answer: Late<Answer>) {
        let Late { what: answer, .. } = answer;
        let (node, life) = answer.to();
        if self.nodes[node].life() != life {
            return;
        }
        match answer {
            Answer::Admit(connect, Ok(admitted)) => self.open(&connect, *admitted),
            Answer::Admit(connect, Err(code)) => {
                self.say(format_args!("device {} is refused {code}", connect.device));
                let device = &mut self.devices[connect.device];
                if device.phase == Phase::Connecting(connect.number) {
                    let token = device.token;
                    device.closed(State::Closed(code.number()), &mut self.oracle);
                    self.may_be_stubborn(connect.device, token);
                }
            }
            Answer::Later(connect, wait) => {
                self.oracle.count(Case::RefusedByGate);
                let device = &mut self.devices[connect.device];
                if device.phase == Phase::Connecting(connect.number) {
                    device.is_away();
                    device.back_at = self.clock.now.after(wait);
                }
            }
            Answer::Read { place, page } => {
                self.handle(place.node, place.shard, Input::Read(place.slot, page));
            }
            Answer::Send { place, reference, outcome } => {
                if let Some(socket) = self.socket_of(place) {
                    socket.sends -= 1;
                }
                let input = Input::Replied(place.slot, reference, outcome);
                self.handle(place.node, place.shard, input);
            }
        }
    }
}
