//! Shard: one slice of a node's sessions, single-threaded.
//!
//! All sessions of a user on a node are in one shard, so that order needs no lock. The owner of
//! the sockets calls `handle` with what happened, then `poll` until nothing is left to do. A turn
//! is what the owner does before it waits again: the first frame of a turn goes to the socket at
//! once, later ones are collected and leave together at its end.
//!
//! Not here: bytes of WebSocket (`encode` is handed in), reading sockets, calling engines.

mod frozen;
mod frames;
mod siblings;
mod replay;
mod probe;
mod life;
mod everyone;
mod deliver;
mod room;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use protocol::{
    close::CloseCode,
    frame::{Received, ReplyOutcome, SendFrame, ToSession, Unread},
    grant::SendGrant,
    id::SessionId,
    limit,
    name::UserId,
    partition::Partition,
    position::Position,
};
use slab::Slab;

use self::{everyone::Round, frozen::Frozen, siblings::NOBODY};
use crate::{
    index::Index,
    message::{End, Envelope, Fenced, Message, Notice},
    moment::Moment,
    outbox::{self, Outbox},
    rate::{Bucket, Rate},
    registry::{Admitted, Reader, Touch},
    session::{Flow, Opening, Phase, Session},
    stream::Page,
    wheel::Wheel,
};

/// Writes a frame as it goes to the socket, framing included.
pub type Encode = fn(&ToSession<'_>) -> Bytes;

/// How a shard treats its sessions.
#[derive(Debug, Clone)]
pub struct Options {
    /// The node's name, for `welcome`.
    pub node: String,
    /// How much may wait for a slow session.
    pub outbox: outbox::Bounds,
    /// Bytes that may wait for all slow sessions of the shard together.
    pub outboxes_bytes: usize,
    /// How fast a session may send.
    pub frames: Rate,
    /// Silence after which to ping: nothing received, whatever was written meanwhile. To a dead peer
    /// one may write for a quarter of an hour before TCP gives up.
    pub ping: Duration,
    /// Silence after a ping that means the peer is gone.
    pub pong_wait: Duration,
    /// How long sessions are frozen before they are told to leave.
    pub grace: Duration,
    /// The time over which they do so then.
    pub grace_window: Duration,
    /// Writes a frame.
    pub encode: Encode,
    /// What asks a session for life that does not speak `usher.v1`.
    pub control_ping: Bytes,
}

/// A session whose socket is here. Never the name of another one later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Its place; used again after it.
    pub index: u32,
    generation: u32,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The session sent a frame.
    Frame(Slot, Box<Result<Received, Unread>>),
    /// The session sent a WebSocket ping, which this answers.
    Ping(Slot, Bytes),
    /// The session sent a WebSocket pong.
    Pong(Slot),
    /// The session broke the rules of RFC 6455.
    Violation(Slot, Violation),
    /// The session closes, with this code if it gave one.
    Left(Slot, Option<u16>),
    /// The socket is gone.
    Lost(Slot),
    /// The engine tells the node something.
    Deliver(Envelope),
    /// A message for all sessions that are here now. Only while there is room:
    /// see [`Shard::takes_broadcasts`].
    Everyone(Arc<Message>),
    /// There is time for some more sessions of a message to everyone.
    Continue,
    /// A read that was asked for; `None` where the engine could not. A session that lost its place
    /// meanwhile is not answered: its end is on the way.
    Read(Slot, Option<Page>),
    /// What became of a send.
    Replied(Slot, Option<String>, ReplyOutcome),
    /// The socket took only the beginning of a frame; this is the rest. Told of a session that is
    /// closing too, so that the rest comes before what its [`Output::Close`] leaves.
    Stalled(Slot, Bytes),
    /// A frame was not given to the socket at all, since its partition is frozen, or to be.
    Unsent(Slot, Bytes),
    /// The socket took this much of the outbox.
    Took(Slot, usize),
    /// The node's lease of these partitions is lost, or was for a while: nobody knows what became of
    /// their sessions. If that lasts they are sent to other nodes.
    Freeze(BTreeSet<Partition>),
    /// The sessions of this partition that are here are the node's; it was told of all others.
    Thaw(Partition),
    /// Time passed.
    Wake,
    /// The node goes away; its sessions leave within this time.
    Drain(Duration),
    /// The turn is over.
    TurnEnd,
}

/// How a session broke the rules of RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// The close code of RFC 6455, section 7.4.1.
    pub code: u16,
    /// The close reason.
    pub reason: &'static str,
}

/// What must happen.
#[derive(Debug)]
pub enum Output {
    /// Write this now; tell with [`Input::Stalled`] if the socket does not take all.
    Send(Slot, Bytes),
    /// It takes frames again.
    Listen(Slot),
    /// Write the outbox, if there is one; tell with [`Input::Took`] what the socket took.
    Flush(Slot),
    /// Read on in the stream; answer with [`Input::Read`].
    Read(Slot, Reader),
    /// Close the socket. The slot is free already.
    Close(Slot, Closing),
    /// Send for a session; answer with [`Input::Replied`].
    Forward(Slot, Forward),
    /// Tell the engine of a session's life.
    Touch(Fenced, Touch),
    /// Tell the engine that the socket is lost.
    Park(Parting),
    /// Tell the engine that the session ended.
    Release(Parting),
    /// A session has its `welcome`.
    Opened(Fenced, UserId, bool),
    /// A session that this node had asked after was heard of, or has gone.
    Probed(Fenced),
}

/// A session and its user as they part, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The session.
    pub fenced: Fenced,
    /// Its user.
    pub user: UserId,
    /// The close code: ours, or RFC 6455's.
    pub code: u16,
}

/// The last that a socket is given.
#[derive(Debug)]
pub struct Closing {
    /// The close code.
    pub code: u16,
    /// The close reason.
    pub reason: &'static str,
    /// What comes before the close frame.
    pub outbox: Option<Box<Outbox>>,
}

/// A send by a session.
#[derive(Debug)]
pub struct Forward {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// The `ref` to answer to.
    pub reference: Option<String>,
    /// The message.
    pub frame: Box<SendFrame>,
}

/// What a shard did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages given to sessions as they came.
    pub delivered: u64,
    /// Messages given to sessions afterwards.
    pub replayed: u64,
    /// What slow sessions could go without and did not get: volatile messages, pings.
    pub dropped: u64,
    /// Gaps told, by reason.
    pub gaps: Gaps,
    /// Frames of types that are not known here.
    pub unknown: u64,
}

/// Gaps that were told, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Messages were too old.
    pub expired: u64,
    /// There were too many.
    pub overflow: u64,
    /// The stream's past was lost.
    pub epoch: u64,
}

/// How a session comes to a shard.
#[derive(Debug)]
pub struct Arrival {
    /// What the engine said.
    pub admitted: Admitted,
    /// Whether it offered `usher.v1`.
    pub speaks_usher: bool,
    /// Where to come back to, for `welcome`, best first.
    pub urls: Vec<String>,
}

/// One slice of a node's sessions.
#[derive(Debug)]
pub struct Shard {
    options: Options,
    sessions: Slab<Session>,
    /// The first session of each user; the others follow by [`Session::sibling`].
    by_user: Index,
    outputs: VecDeque<Output>,
    wheel: Wheel<Slot>,
    dirty: Vec<Slot>,
    turn: u32,
    next_generation: u32,
    /// Ends of sessions that are not here yet: an envelope may overtake the engine's reply.
    early_ends: VecDeque<EarlyEnd>,
    leaving_until: Option<Moment>,
    /// Partitions without a lease.
    frozen: BTreeMap<Partition, Frozen>,
    /// Messages to everyone.
    round: Round,
    /// Bytes that wait in all outboxes.
    waiting_bytes: usize,
    counts: Counts,
}

#[derive(Debug)]
struct EarlyEnd {
    fenced: Fenced,
    end: End,
    until: Moment,
}

impl Shard {
    /// A shard without sessions.
    #[must_use]
    pub fn new(options: Options, now: Moment) -> Self {
        Self {
            options,
            sessions: Slab::new(),
            by_user: Index::default(),
            outputs: VecDeque::new(),
            wheel: Wheel::new(now),
            dirty: Vec::new(),
            turn: 1,
            next_generation: 0,
            early_ends: VecDeque::new(),
            leaving_until: None,
            frozen: BTreeMap::new(),
            round: Round::default(),
            waiting_bytes: 0,
            counts: Counts::default(),
        }
    }

    /// Takes in a session that was admitted; its stream is read before it gets its `welcome`.
    ///
    /// # Panics
    /// At 2^32 sessions.
    pub fn open(&mut self, now: Moment, arrival: Arrival) -> Slot {
        let Arrival { admitted, speaks_usher, urls } = arrival;
        self.next_generation = self.next_generation.wrapping_add(1);
        let (user, after) = (admitted.user.clone(), admitted.after);
        let opening = Opening {
            token: admitted.token,
            resumed: admitted.resumed,
            replay: admitted.replay,
            seen: Position::default(),
            urls,
            waiting: false,
        };
        let session = Session {
            generation: self.next_generation,
            fenced: admitted.fenced,
            user: admitted.user,
            device: admitted.device,
            class: admitted.class,
            send: match admitted.send {
                SendGrant::None => None,
                send @ (SendGrant::Any | SendGrant::Users(_)) => Some(Box::new(send)),
            },
            joined: admitted.joined,
            position: after,
            unconfirmed: admitted.resumed,
            welcomed_in: (!admitted.resumed).then_some(0),
            phase: Phase::Opening(Box::new(opening)),
            outbox: None,
            turn: 0,
            flow: Flow::Free,
            busy: false,
            speaks_usher,
            bad_frames: 0,
            frames_refused: 0,
            bucket: Bucket::full(&self.options.frames, now),
            heard: now,
            pinged: None,
            activity_told: Moment::NEVER,
            ack_told: Moment::NEVER,
            closes_at: Moment::NEVER,
            look_at: Moment::NEVER,
            sibling: NOBODY,
        };
        let (fenced, resumed) = (session.fenced, admitted.resumed);
        let index = u32::try_from(self.sessions.insert(session)).expect("fewer than 2^32 sessions");
        let slot = Slot { index, generation: self.next_generation };
        self.link(&user, index);
        if resumed {
            // With its own place already, which is not that of whoever closes.
            self.take_over(&user, fenced);
        }
        self.freeze_with_others(now, slot, fenced.session.partition());
        self.look_by(slot, now.after(self.options.ping));
        match self.take_early_end(fenced) {
            Some(end) => self.end(slot, &end),
            None => self.outputs.push_back(Output::Read(slot, Reader { user, fenced, after })),
        }
        slot
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, input: Input) {
        match input {
            Input::Frame(slot, received) => self.frame(now, slot, *received),
            Input::Ping(slot, answer) => self.control_ping(now, slot, answer),
            Input::Pong(slot) => self.heard(now, slot),
            Input::Violation(slot, violation) => self.violation(slot, violation),
            Input::Left(slot, code) => self.left(slot, code),
            Input::Lost(slot) => self.lost(slot),
            Input::Deliver(Envelope { user, notice }) => match notice {
                Notice::Message(message) => self.deliver(&user, &message),
                Notice::End { sessions, end } => self.end_all(now, &user, &sessions, &end),
                Notice::Behind(head) => self.catch_up(&user, head),
                Notice::Probe(sessions) => self.probe(now, &user, &sessions),
                Notice::Probed(fenced) => self.outputs.push_back(Output::Probed(fenced)),
            },
            Input::Everyone(message) => self.everyone(message),
            Input::Continue => self.go_on(),
            Input::Read(slot, page) => self.page(now, slot, page),
            Input::Replied(slot, reference, outcome) => {
                self.replied(slot, reference, outcome);
            }
            Input::Stalled(slot, rest) => self.stalled(slot, rest),
            Input::Unsent(slot, frame) => self.unsent(slot, frame),
            Input::Took(slot, bytes) => self.took(now, slot, bytes),
            Input::Freeze(partitions) => self.freeze(now, partitions),
            Input::Thaw(partition) => self.thaw(now, partition),
            Input::Wake => self.wake(now),
            Input::Drain(window) => self.drain(now, window),
            Input::TurnEnd => self.end_turn(),
        }
    }

    /// What must happen next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Wake`], if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        let forgets_at = self.early_ends.front().map(|early| early.until);
        self.wheel.next().into_iter().chain(forgets_at).min()
    }

    /// What waits for a session's socket.
    #[must_use]
    pub fn outbox(&self, slot: Slot) -> Option<&Outbox> {
        self.get(slot)?.outbox.as_deref()
    }

    /// Whether the next frame of a session may be handed in. If not, it may after a
    /// [`Output::Send`], [`Output::Listen`], [`Input::Replied`] or [`Output::Close`] for it.
    #[must_use]
    pub fn takes_frames(&self, slot: Slot) -> bool {
        let takes = |session: &Session| {
            !session.busy && !session.is_opening() && !self.is_frozen(session.partition())
        };
        self.get(slot).is_some_and(takes)
    }

    /// Whether a message to everyone is under way; give [`Input::Continue`] until it is not.
    #[must_use]
    pub fn is_broadcasting(&self) -> bool {
        !self.round.is_over()
    }

    /// Whether another message to everyone may be handed in.
    #[must_use]
    pub fn takes_broadcasts(&self) -> bool {
        self.round.has_room(&self.options.outbox)
    }

    /// Bytes that wait for sockets of this shard.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// How many ends are remembered for sessions that are not here yet.
    #[must_use]
    pub fn early_ends(&self) -> usize {
        self.early_ends.len()
    }

    /// How many sessions have their socket here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session has its socket here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All sessions, each with its slot.
    fn all(&self) -> impl Iterator<Item = (Slot, &Session)> {
        self.sessions.iter().filter_map(|(index, session)| {
            let index = u32::try_from(index).ok()?;
            Some((Slot { index, generation: session.generation }, session))
        })
    }

    fn get(&self, slot: Slot) -> Option<&Session> {
        let session = self.sessions.get(slot.index as usize)?;
        (session.generation == slot.generation).then_some(session)
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Session> {
        let session = self.sessions.get_mut(slot.index as usize)?;
        (session.generation == slot.generation).then_some(session)
    }

    fn remove(&mut self, slot: Slot) -> Option<Session> {
        self.get(slot)?;
        self.unlink(slot.index);
        let session = self.sessions.remove(slot.index as usize);
        self.waiting_bytes -= session.waiting_bytes();
        Some(session)
    }

    fn take_early_end(&mut self, fenced: Fenced) -> Option<End> {
        let meant = |early: &EarlyEnd| {
            early.fenced.session == fenced.session && early.fenced.fence >= fenced.fence
        };
        let place = self.early_ends.iter().position(meant)?;
        self.early_ends.remove(place).map(|early| early.end)
    }
}

/// Ends that are remembered; more at once mean that admissions fail anyway.
const EARLY_ENDS_MAX: usize = limit::MAILBOX_ENVELOPES_MAX;

/// RFC 6455, section 7.1.5: the peer gave no code, and is given none. Never on the wire.
pub const NO_CODE: u16 = 1005;

/// What a parting is called in the engine: sessions that end by their own fault or will cannot be
/// resumed, and there is nothing else to tell.
const OVER: CloseCode = CloseCode::CannotResume;

#[cfg(test)]
mod tests;
