//! Registry: who has which sessions where, and what each may still be sent; of one partition.
//!
//! This is the table that all nodes share. Every method is one atomic step: the spent ticket, the
//! decision on the place, the number of a message and the choice of its targets can not be seen
//! apart. An engine keeps it under a lock, or repeats it in scripts and proves by the contract
//! suite that they do the same.
//!
//! Not here: how notices travel (an engine's), what a node does with them (`shard`).

mod sends;
mod sweep;
mod record;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use protocol::{
    close::CloseCode,
    frame::By,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{ResumeToken, SessionId, Ticket},
    limit,
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
    time::Timestamp,
};

use self::record::{Record, State, User};
use crate::{
    admission::{self, Decision, Newcomer},
    message::{End, Envelope, Fence, Fenced, NodeRef, Notice},
    stream::{self, Stream},
};

pub use self::{
    sends::{Draft, Receipt},
    sweep::{Ended, Swept},
};

/// How long and how much the registry keeps.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long a session that lost its socket may resume.
    pub resume_window: Duration,
    /// The age at which a session ends, unless its ticket said less.
    pub session_age: Duration,
    /// How much of each user's messages is kept.
    pub stream: stream::Bounds,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            resume_window: limit::RESUME_WINDOW,
            session_age: limit::SESSION_AGE_MAX,
            stream: stream::Bounds::default(),
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
    /// The token to resume with.
    pub token: ResumeToken,
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
}

#[derive(Debug)]
struct IssuedTicket {
    state: TicketState,
    expires_at: Timestamp,
}

#[derive(Debug)]
enum TicketState {
    Good(Box<Grant>),
    /// Remembered, so that a second use is told from a ticket that never was.
    Spent {
        by: SessionId,
    },
}

/// All that is kept of the users of one partition.
#[derive(Debug, Default)]
pub struct Registry {
    terms: Terms,
    tickets: BTreeMap<Ticket, IssuedTicket>,
    users: BTreeMap<UserId, User>,
    sessions: BTreeMap<SessionId, UserId>,
    tokens: HashMap<ResumeToken, SessionId>,
    /// End codes by token, for those who try to come back.
    ended: HashMap<ResumeToken, CloseCode>,
    ended_until: VecDeque<(Timestamp, ResumeToken)>,
    last_epoch: u64,
    last_fence: u64,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms, ..Self::default() }
    }

    /// Issues a ticket; returns until when it is good.
    pub fn mint(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Timestamp {
        let expires_at = now.after(ttl);
        let issued = IssuedTicket { state: TicketState::Good(Box::new(grant)), expires_at };
        self.tickets.insert(ticket, issued);
        expires_at
    }

    /// Gives a connect attempt its place, spends what it proved itself with, and ends the sessions
    /// that yield.
    ///
    /// # Errors
    /// The code to refuse it with; nothing has changed then.
    pub fn admit(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
    ) -> Result<(Admitted, Vec<Mail>), CloseCode> {
        match attempt.proof {
            Proof::Ticket(ticket, after) => self.admit_ticket(now, attempt, ticket, after),
            Proof::Resume(token, after) => self.resume(now, attempt, token, after),
        }
    }

    fn admit_ticket(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        ticket: Ticket,
        after: Option<Position>,
    ) -> Result<(Admitted, Vec<Mail>), CloseCode> {
        let issued = self.tickets.get(&ticket).ok_or(CloseCode::TicketUnknown)?;
        let grant = match &issued.state {
            TicketState::Good(grant) => grant,
            TicketState::Spent { by } if *by == attempt.session => {
                let standing = self.sessions.get(by).zip(self.record(*by));
                // Nobody has parked it then: its node does not have its socket yet.
                let standing = standing.filter(|(_, record)| record.is_live());
                let (user, record) = standing.ok_or(CloseCode::TicketSpent)?;
                let (user, from) = (user.clone(), after.unwrap_or(record.joined));
                return Ok((record.admitted(user, from, after.is_some(), false), Vec::new()));
            }
            TicketState::Spent { .. } => return Err(CloseCode::TicketSpent),
        };
        if issued.expires_at <= now {
            return Err(CloseCode::TicketExpired);
        }
        if !origin_fits(grant.origin.as_ref(), attempt) {
            return Err(CloseCode::Forbidden);
        }
        let grant = Grant::clone(grant);
        let yielding = self.decide(now, &grant)?;
        if let Some(issued) = self.tickets.get_mut(&ticket) {
            issued.state = TicketState::Spent { by: attempt.session };
        }
        let by = By { session: attempt.session, device: grant.device.clone(), at: now };
        let end = End { code: CloseCode::Replaced, by: Some(by) };
        let mail = self.end_sessions(now, &grant.user, &yielding, &end);
        let admitted = self.register(now, attempt, grant, after);
        Ok((admitted, mail))
    }

    fn decide(&self, now: Timestamp, grant: &Grant) -> Result<Vec<SessionId>, CloseCode> {
        let Some(user) = self.users.get(&grant.user) else { return Ok(Vec::new()) };
        let places: Vec<_> =
            user.records.iter().filter(|r| !r.over(now)).map(Record::place).collect();
        let newcomer = Newcomer { device: grant.device.as_ref(), class: grant.class.as_ref() };
        match admission::decide(&grant.policy, newcomer, &places) {
            Decision::Admit { yielding } => Ok(yielding),
            Decision::Full => Err(CloseCode::LimitReached),
        }
    }

    fn register(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        grant: Grant,
        after: Option<Position>,
    ) -> Admitted {
        let fence = self.next_fence(now);
        let epoch = (now.0 * 1000).max(self.last_epoch + 1);
        let user = self.users.entry(grant.user.clone()).or_insert_with(|| {
            self.last_epoch = epoch;
            User { records: Vec::new(), stream: Stream::new(epoch), vacant_since: None }
        });
        user.vacant_since = None;
        let head = user.stream.head();
        let joined = match after {
            None => head,
            Some(known) if known <= head => known,
            // A place that this stream never had: all that it keeps may be missing.
            Some(_) => Position::default(),
        };
        let age = grant.max_age.unwrap_or(self.terms.session_age).min(self.terms.session_age);
        let record = Record {
            id: attempt.session,
            device: grant.device,
            class: grant.class,
            state: State::Live(Arc::clone(&attempt.node)),
            fence,
            created_at: now,
            connected_at: now,
            active_at: now,
            ends_at: now.after(age),
            joined,
            acked: None,
            token: attempt.token,
            previous_token: None,
            address: attempt.address,
            origin: grant.origin.map(Box::new),
            send: match grant.send {
                SendGrant::None => None,
                send @ (SendGrant::Any | SendGrant::Users(_)) => Some(Box::new(send)),
            },
            meta: (!grant.meta.is_empty()).then(|| Box::new(grant.meta)),
        };
        let from = after.unwrap_or(joined);
        let admitted = record.admitted(grant.user.clone(), from, after.is_some(), false);
        user.records.reserve_exact(1);
        user.records.push(record);
        self.sessions.insert(attempt.session, grant.user);
        self.tokens.insert(attempt.token, attempt.session);
        admitted
    }

    fn resume(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        token: ResumeToken,
        after: Position,
    ) -> Result<(Admitted, Vec<Mail>), CloseCode> {
        if let Some(code) = self.ended.get(&token) {
            return Err(*code);
        }
        let session = *self.tokens.get(&token).ok_or(CloseCode::CannotResume)?;
        let user = self.sessions.get(&session).ok_or(CloseCode::CannotResume)?.clone();
        let fence = self.next_fence(now);
        let record = self.record_mut(session).ok_or(CloseCode::CannotResume)?;
        if record.ends_at <= now {
            return Err(CloseCode::TooOld);
        }
        if record.over(now) {
            return Err(CloseCode::CannotResume);
        }
        if !origin_fits(record.origin.as_deref(), attempt) {
            return Err(CloseCode::Forbidden);
        }
        let taken_over = record.fenced();
        let socket_of = match &record.state {
            State::Live(node) => Some(Arc::clone(node)),
            State::Parked { .. } => None,
        };
        let void = [Some(record.token), record.previous_token];
        record.previous_token = Some(token);
        record.token = attempt.token;
        record.state = State::Live(Arc::clone(&attempt.node));
        record.fence = fence;
        record.connected_at = now;
        record.address = attempt.address;
        let admitted = record.admitted(user.clone(), after, true, true);
        for void in void.into_iter().flatten().filter(|void| *void != token) {
            self.tokens.remove(&void);
        }
        self.tokens.insert(attempt.token, session);
        let mail = socket_of.map(|node| {
            let end = End { code: CloseCode::TakenOver, by: None };
            let notice = Notice::End { sessions: vec![taken_over], end };
            Mail { node, envelope: Envelope { user, notice } }
        });
        Ok((admitted, mail.into_iter().collect()))
    }

    /// The socket of a session is lost; it may resume within the window. Tells whether it was
    /// still this admission's.
    pub fn park(&mut self, now: Timestamp, fenced: Fenced) -> bool {
        let until = now.after(self.terms.resume_window);
        match self.record_mut(fenced.session) {
            Some(record) if record.fence == fenced.fence && record.is_live() => {
                let State::Live(node) = &record.state else { return false };
                record.state = State::Parked { node: Arc::clone(node), at: now, until };
                true
            }
            _ => false,
        }
    }

    /// A session ends by its node's word. Tells whether it was still this admission's.
    pub fn release(&mut self, now: Timestamp, fenced: Fenced, code: CloseCode) -> bool {
        let standing = self.record(fenced.session).is_some_and(|r| r.fence == fenced.fence);
        if standing {
            self.remove(now, fenced.session, code);
        }
        standing
    }

    /// Ends sessions by the backend's word; returns which ended, and what their nodes are told.
    pub fn end(
        &mut self,
        now: Timestamp,
        user: &UserId,
        which: Which,
        code: CloseCode,
    ) -> (Vec<SessionId>, Vec<Mail>) {
        let Some(known) = self.users.get(user) else { return (Vec::new(), Vec::new()) };
        let meant = |id: SessionId| match which {
            Which::AllBut(except) => except != Some(id),
            Which::One(one) => one == id,
        };
        let sessions: Vec<_> = known
            .records
            .iter()
            .filter(|record| !record.over(now) && meant(record.id))
            .map(|record| record.id)
            .collect();
        let mail = self.end_sessions(now, user, &sessions, &End { code, by: None });
        (sessions, mail)
    }

    /// Notes what a session's node tells of it.
    pub fn touch(&mut self, now: Timestamp, fenced: Fenced, touch: Touch) {
        let Some(record) = self.record_mut(fenced.session) else { return };
        if record.fence != fenced.fence {
            return;
        }
        let void = match touch {
            Touch::Active => {
                record.active_at = now;
                None
            }
            Touch::Acked(position) => {
                record.acked = record.acked.max(Some(position));
                None
            }
            Touch::Welcomed => record.previous_token.take(),
        };
        if let Some(void) = void {
            self.tokens.remove(&void);
        }
    }

    /// The user whose session a connect attempt would open or resume.
    #[must_use]
    pub fn user_of_proof(&self, proof: &Proof) -> Option<&UserId> {
        match proof {
            Proof::Ticket(ticket, _) => match &self.tickets.get(ticket)?.state {
                TicketState::Good(grant) => Some(&grant.user),
                TicketState::Spent { by } => self.user_of(*by),
            },
            Proof::Resume(token, _) => self.user_of(*self.tokens.get(token)?),
        }
    }

    /// How much is kept.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            tickets: self.tickets.len(),
            users: self.users.len(),
            sessions: self.sessions.len(),
            tokens: self.tokens.len(),
            ended: self.ended.len().max(self.ended_until.len()),
        }
    }

    /// The user of a session.
    #[must_use]
    pub fn user_of(&self, session: SessionId) -> Option<&UserId> {
        self.sessions.get(&session)
    }

    fn record(&self, session: SessionId) -> Option<&Record> {
        let user = self.users.get(self.sessions.get(&session)?)?;
        user.records.iter().find(|record| record.id == session)
    }

    fn record_mut(&mut self, session: SessionId) -> Option<&mut Record> {
        let user = self.users.get_mut(self.sessions.get(&session)?)?;
        user.records.iter_mut().find(|record| record.id == session)
    }

    /// Fences grow with the engine's time, so that they grow also over a loss of the counter.
    fn next_fence(&mut self, now: Timestamp) -> Fence {
        self.last_fence = (now.0 * 1000).max(self.last_fence + 1);
        Fence(self.last_fence)
    }

    /// Ends sessions of one user and tells the nodes that have their sockets.
    fn end_sessions(
        &mut self,
        now: Timestamp,
        user: &UserId,
        sessions: &[SessionId],
        end: &End,
    ) -> Vec<Mail> {
        let mut by_node: BTreeMap<Arc<NodeRef>, Vec<Fenced>> = BTreeMap::new();
        for session in sessions {
            let Some(record) = self.remove(now, *session, end.code) else { continue };
            if let State::Live(node) = &record.state {
                by_node.entry(Arc::clone(node)).or_default().push(record.fenced());
            }
        }
        by_node
            .into_iter()
            .map(|(node, sessions)| {
                let notice = Notice::End { sessions, end: end.clone() };
                Mail { node, envelope: Envelope { user: user.clone(), notice } }
            })
            .collect()
    }

    fn remove(&mut self, now: Timestamp, session: SessionId, code: CloseCode) -> Option<Record> {
        let user = self.sessions.remove(&session)?;
        let user = self.users.get_mut(&user)?;
        let place = user.records.iter().position(|record| record.id == session)?;
        let record = user.records.remove(place);
        if user.records.is_empty() {
            user.vacant_since = Some(now);
        }
        let until = now.after(self.terms.resume_window);
        for token in [Some(record.token), record.previous_token].into_iter().flatten() {
            self.tokens.remove(&token);
            self.ended.insert(token, code);
            self.ended_until.push_back((until, token));
        }
        Some(record)
    }
}

/// A ticket's own origin must be the page's; else the configuration must allow the page.
fn origin_fits(bound: Option<&Origin>, attempt: &Attempt) -> bool {
    match bound {
        Some(bound) => attempt.origin.as_ref() == Some(bound),
        None => attempt.origin.is_none() || attempt.origin_allowed,
    }
}

#[cfg(test)]
mod tests;
