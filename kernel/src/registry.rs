//! Registry: who has which sessions where, and what each may still be sent; of one partition.
//!
//! This is the table that all nodes share. Every method is one atomic step: the spent ticket, the
//! decision on the place, the number of a message and the choice of its targets can not be seen
//! apart. An engine keeps it under a lock, or repeats it in scripts and proves by the contract
//! suite that they do the same.
//!
//! Not here: how notices travel (an engine's), what a node does with them (`shard`).

mod reassert;
mod excerpt;
mod admit;
mod withdraw;
mod sends;
mod lists;
mod sweep;
mod block;
mod part;
mod keys;
mod receipt;
mod people;
mod record;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use protocol::{
    close::CloseCode,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{ResumeToken, SessionId, Ticket},
    limit,
    name::{DeviceClass, DeviceId, UserId},
    partition::{PARTITIONS, Partition},
    position::Position,
    time::Timestamp,
};

use self::{block::Block, keys::Keys, people::People, record::Record};
use crate::{
    message::{Envelope, Fence, Fenced, NodeRef},
    stream,
};

pub use self::{
    block::{Blocked, Blocking},
    excerpt::{Excerpt, Person, Standing},
    keys::{Key, KeyScope},
    lists::{Census, Presence},
    part::Ended,
    receipt::Receipt,
    record::{Probe, State},
    sends::{Draft, NotAppended, Reader},
    sweep::Swept,
    withdraw::Withdrawn,
};

/// How long and how much the registry keeps.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long a session that lost its socket may resume.
    pub resume_window: Duration,
    /// The age at which a session ends, unless its ticket said less.
    pub session_age: Duration,
    /// How many sessions a user may have, whatever the policy says.
    pub sessions_per_user: u32,
    /// How much of each user's messages is kept.
    pub stream: stream::Bounds,
    /// How many idempotency keys are remembered in one partition.
    pub keys: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            resume_window: limit::RESUME_WINDOW,
            session_age: limit::SESSION_AGE_MAX,
            sessions_per_user: limit::SESSIONS_PER_USER_MAX,
            stream: stream::Bounds::default(),
            keys: limit::KEYS_MAX / PARTITIONS,
        }
    }
}

/// What a ticket leaves to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose session it opens.
    pub user: UserId,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Of which class.
    pub class: Option<DeviceClass>,
    /// How many sessions the user may have.
    pub policy: Policy,
    /// To whom the session may send.
    pub send: SendGrant,
    /// The page that alone may use it.
    pub origin: Option<Origin>,
    /// The age at which the session ends.
    pub max_age: Option<Duration>,
    /// What the app wants to see in lists.
    pub meta: Meta,
}

/// What a connect attempt proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A ticket, and perhaps from where on messages are wanted.
    Ticket(Ticket, Option<Position>),
    /// A resume token, and the last position that the session saw.
    Resume(ResumeToken, Position),
}

impl Proof {
    /// Where what it proves is kept.
    #[must_use]
    pub fn partition(&self) -> Partition {
        match self {
            Self::Ticket(ticket, _) => ticket.partition(),
            Self::Resume(token, _) => token.partition(),
        }
    }
}

/// One connect attempt. A repeated one with the same `session` is the same attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What it proves itself with.
    pub proof: Proof,
    /// The id of the session, if it becomes a new one; in the proof's partition.
    pub session: SessionId,
    /// The token to resume with the next time; in the proof's partition.
    pub token: ResumeToken,
    /// Which node has the socket.
    pub node: Arc<NodeRef>,
    /// From where it came.
    pub address: IpAddr,
    /// The page that it came from, if a browser says so.
    pub origin: Option<Origin>,
    /// Whether the server's configuration allows that page.
    pub origin_allowed: bool,
}

/// A session that got its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The session, at this admission.
    pub fenced: Fenced,
    /// Whose it is.
    pub user: UserId,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Of which class.
    pub class: Option<DeviceClass>,
    /// To whom it may send.
    pub send: SendGrant,
    /// Messages up to here were never for it.
    pub joined: Position,
    /// From here on it is sent messages.
    pub after: Position,
    /// Whether messages before the head were asked for.
    pub replay: bool,
    /// Whether it is an earlier session that came back.
    pub resumed: bool,
    /// Whether its user had no session before.
    pub first: bool,
    /// The token to resume with.
    pub token: ResumeToken,
}

/// What becomes of a connect attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has its place.
    Admitted {
        /// The session.
        admitted: Box<Admitted>,
        /// Sessions that ended for it.
        ended: Vec<Ended>,
    },
    /// Live sessions have all places, and nobody knows whether anyone is still at these. Their
    /// nodes are asked; try again when each was heard of or has gone.
    Asked(Vec<Fenced>),
    /// It is refused. Nothing has changed.
    Refused(CloseCode),
}

/// An envelope and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Which node.
    pub node: Arc<NodeRef>,
    /// What it gets.
    pub envelope: Envelope,
}

/// Which of a user's sessions a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All but one.
    AllBut(Option<SessionId>),
    /// One.
    One(SessionId),
}

/// What a session's node tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Its user was seen at it.
    Active,
    /// Its app processed messages up to here.
    Acked(Position),
    /// It showed that it has its `welcome`; an older token is not good any more.
    Welcomed,
    /// It answered a probe.
    Alive,
}

/// How much a registry keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Tickets, spent ones too.
    pub tickets: usize,
    /// Users that have sessions, or had some a moment ago.
    pub users: usize,
    /// Sessions, live and parked.
    pub sessions: usize,
    /// Resume tokens that are good.
    pub tokens: usize,
    /// Resume tokens whose end code is kept.
    pub ended: usize,
    /// Idempotency keys.
    pub keys: usize,
    /// Users that are blocked.
    pub blocks: usize,
}

/// A ticket that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    /// What became of it.
    pub state: TicketState,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketState {
    /// Nothing yet.
    Good(Box<Grant>),
    /// Remembered, so that a second use is told from a ticket that never was.
    Spent {
        /// The session that it opened.
        by: SessionId,
    },
}

/// All that is kept of the users of one partition.
#[derive(Debug, Default)]
pub struct Registry {
    terms: Terms,
    tickets: BTreeMap<Ticket, IssuedTicket>,
    people: People,
    /// End codes by token, for those who try to come back.
    ended: HashMap<ResumeToken, CloseCode>,
    ended_until: VecDeque<(Timestamp, ResumeToken)>,
    keys: Keys,
    blocks: BTreeMap<UserId, Block>,
    last_epoch: u64,
    last_fence: u64,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms, ..Self::default() }
    }

    /// Issues a ticket; returns until when it is good, or nothing if its user is blocked.
    pub fn mint(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Option<Timestamp> {
        if self.is_blocked(now, &grant.user) {
            return None;
        }
        let expires_at = now.after(ttl);
        let issued = IssuedTicket { state: TicketState::Good(Box::new(grant)), expires_at };
        self.tickets.insert(ticket, issued);
        Some(expires_at)
    }

    /// The user whose session a connect attempt would open or resume.
    #[must_use]
    pub fn user_of_proof(&self, proof: &Proof) -> Option<&UserId> {
        match proof {
            Proof::Ticket(ticket, _) => match &self.tickets.get(ticket)?.state {
                TicketState::Good(grant) => Some(&grant.user),
                TicketState::Spent { by } => self.user_of(*by),
            },
            Proof::Resume(token, _) => self.user_of(self.people.of_token(*token)?),
        }
    }

    /// How much is kept.
    #[must_use]
    pub fn held(&self) -> Held {
        let (users, sessions, tokens) = self.people.counts();
        Held {
            tickets: self.tickets.len(),
            users,
            sessions,
            tokens,
            ended: self.ended.len().max(self.ended_until.len()),
            keys: self.keys.len(),
            blocks: self.blocks.len(),
        }
    }

    /// The user of a session.
    #[must_use]
    pub fn user_of(&self, session: SessionId) -> Option<&UserId> {
        self.people.session(session).map(|(user, _)| user)
    }

    /// Whether nothing is known of sessions of a user, not even of one whose window is over: that
    /// one is still to be told as the last.
    fn is_vacant(&self, user: &UserId) -> bool {
        self.people.user(user).is_none_or(|known| known.records.is_empty())
    }

    /// A user's sessions, but for parked ones whose window is over.
    fn standing(&self, now: Timestamp, user: &UserId) -> impl Iterator<Item = &Record> {
        self.people.user(user).into_iter().flat_map(move |known| known.standing(now))
    }

    /// Fences grow with the engine's time, so that they grow also over a loss of the counter.
    fn next_fence(&mut self, now: Timestamp) -> Fence {
        self.last_fence = (now.0 * 1000).max(self.last_fence + 1);
        Fence(self.last_fence)
    }
}

#[cfg(test)]
mod tests;
