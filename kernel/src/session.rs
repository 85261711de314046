//! Session: what a shard keeps of one session whose socket it has.
//!
//! A session is first opening (admitted, but its stream is not read up to now), then replaying (its
//! stream is read in pages), then following (what is appended reaches it by envelope). While a
//! stream is read, envelopes only tell how far there is to read: so nothing is lost or doubled
//! where reading ends and following begins.

use protocol::{
    grant::SendGrant,
    id::ResumeToken,
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
};

use crate::{
    message::Fenced, moment::Moment, outbox::Outbox, plan::Member, rate::Bucket, registry::Reader,
};

/// How far a session is in its stream.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing was written to it yet.
    Opening(Box<Opening>),
    /// It is sent what it missed.
    Replaying {
        /// The latest message that an envelope told of.
        seen: Position,
        /// Whether the next page waits for the socket to take this one.
        waiting: bool,
        /// Whether it is told when the replay is done.
        tell: bool,
    },
    /// It is sent what comes.
    Following,
}

/// What its `welcome` will say, and what came before it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) token: ResumeToken,
    pub(crate) resumed: bool,
    pub(crate) replay: bool,
    pub(crate) seen: Position,
    pub(crate) urls: Vec<String>,
    /// Whether its first page is to be read again.
    pub(crate) waiting: bool,
}

/// How its outbox gets to the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// There is nothing to get there.
    Free,
    /// It is flushed at the end of the turn.
    Dirty,
    /// The socket took less than it was given; it will say when it takes more.
    Stalled,
}

/// Why it was pinged, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ping {
    /// It was silent.
    Silence(Moment),
    /// A newcomer waits for the answer.
    Probe(Moment),
}

/// One session whose socket is here.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) generation: u32,
    pub(crate) fenced: Fenced,
    pub(crate) user: UserId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) class: Option<DeviceClass>,
    pub(crate) send: Option<Box<SendGrant>>,
    pub(crate) joined: Position,
    /// Up to here it was sent everything that is for it.
    pub(crate) position: Position,
    pub(crate) phase: Phase,
    pub(crate) outbox: Option<Box<Outbox>>,
    /// The turn in which something was written past the outbox.
    pub(crate) turn: u32,
    pub(crate) flow: Flow,
    /// One of its sends is under way; frames behind it wait, so that they keep their order.
    pub(crate) busy: bool,
    /// It offered `usher.v1`, so it understands a `ping` frame.
    pub(crate) speaks_usher: bool,
    /// It came back, and has not shown yet that it got its `welcome`.
    pub(crate) unconfirmed: bool,
    /// For a new session, the turn in which its `welcome` was given to the socket; 0 before.
    pub(crate) welcomed_in: Option<u32>,
    pub(crate) bad_frames: u8,
    pub(crate) frames_refused: u32,
    pub(crate) bucket: Bucket,
    pub(crate) heard: Moment,
    pub(crate) pinged: Option<Ping>,
    /// When the registry was told of activity; never, at first.
    pub(crate) activity_told: Moment,
    pub(crate) ack_told: Moment,
    pub(crate) closes_at: Moment,
    /// When the wheel brings it up for a look. An entry that comes up earlier has been overtaken.
    pub(crate) look_at: Moment,
    /// The next session of the same user.
    pub(crate) sibling: u32,
}

impl Session {
    pub(crate) fn member(&self) -> Member<'_> {
        Member {
            id: self.fenced.session,
            device: self.device.as_ref(),
            class: self.class.as_ref(),
            joined: self.joined,
        }
    }

    /// Who reads on in its stream.
    pub(crate) fn reader(&self) -> Reader {
        Reader { user: self.user.clone(), fenced: self.fenced, after: self.position }
    }

    pub(crate) fn partition(&self) -> Partition {
        self.fenced.session.partition()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.bytes())
    }

    pub(crate) fn may_send_to(&self, user: &UserId) -> bool {
        self.send.as_ref().is_some_and(|grant| grant.allows(user))
    }

    /// Whether it is new, and was not given its `welcome` yet.
    pub(crate) fn awaits_welcome(&self) -> bool {
        self.welcomed_in == Some(0)
    }

    /// Whether it cannot know that it exists: it is new, and its `welcome` has not left.
    pub(crate) fn is_unwelcomed(&self, turn: u32) -> bool {
        self.welcomed_in.is_some_and(|welcomed_in| welcomed_in == 0 || welcomed_in == turn)
    }

    pub(crate) fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening(_))
    }
}
