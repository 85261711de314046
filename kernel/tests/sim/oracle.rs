//! Oracle: knows what was accepted and what each device saw, and says where a promise was broken.
//!
//! It chooses targets by itself, from the public list of sessions, so that a fault in the kernel's
//! own choice shows.

use std::collections::{HashMap, HashSet};

use protocol::{
    close::CloseCode,
    frame::{Gap, GapReason},
    http::{Session, SessionState},
    id::{MessageId, ResumeToken, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    target::Target,
    time::Timestamp,
};

/// A message that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: MessageId,
    pub(crate) position: Option<Position>,
    pub(crate) to: Target,
    pub(crate) except: Option<SessionId>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// What never changes in a session.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) user: UserId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) class: Option<DeviceClass>,
    pub(crate) joined: Position,
}

/// What a device saw of its session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) messages: HashSet<MessageId>,
    /// Since it last told a position that never was.
    pub(crate) lately: HashSet<MessageId>,
    pub(crate) gaps: Vec<Gap>,
}

/// How much happened, so that a simulation of nothing does not pass for a proof.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) sessions: usize,
    pub(crate) resumed: usize,
    pub(crate) refused: usize,
    pub(crate) told_why: usize,
    pub(crate) asked: usize,
    pub(crate) taken_over: usize,
    pub(crate) replaced: usize,
    pub(crate) slow: usize,
    pub(crate) messages: usize,
    pub(crate) received: usize,
    pub(crate) gaps: usize,
    pub(crate) due: usize,
    pub(crate) in_gaps: usize,
}

impl Told {
    pub(crate) fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.resumed += other.resumed;
        self.refused += other.refused;
        self.told_why += other.told_why;
        self.asked += other.asked;
        self.taken_over += other.taken_over;
        self.replaced += other.replaced;
        self.slow += other.slow;
        self.messages += other.messages;
        self.received += other.received;
        self.gaps += other.gaps;
        self.due += other.due;
        self.in_gaps += other.in_gaps;
    }

    pub(crate) fn is_worth_something(&self) {
        let enough = [
            self.sessions,
            self.resumed,
            self.refused,
            self.told_why,
            self.asked,
            self.taken_over,
            self.replaced,
            self.slow,
            self.gaps,
        ];
        assert!(enough.iter().all(|count| *count > 50), "{self:?}");
        assert!(self.received > 10_000, "{self:?}");
        assert!(self.in_gaps * 5 < self.due, "{self:?}");
    }
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) blames: Vec<String>,
    pub(crate) told: Told,
    pub(crate) sessions: HashMap<SessionId, Facts>,
    accepted: HashMap<UserId, Vec<Accepted>>,
    opened_by: HashMap<Ticket, SessionId>,
    /// How many messages its user had got when it ended.
    ended: HashMap<SessionId, usize>,
    /// The session that a token resumes, once somebody may know it.
    of_token: HashMap<ResumeToken, SessionId>,
    /// Sessions that the backend ended, and until when that is remembered.
    ended_by_backend: HashMap<SessionId, Timestamp>,
}

impl Oracle {
    pub(crate) fn blame(&mut self, what: String) {
        self.blames.push(what);
    }

    pub(crate) fn check(&mut self, kept: bool, what: impl FnOnce() -> String) {
        if !kept {
            self.blames.push(what());
        }
    }

    /// The position, if the user's stream may have had it; else that before all.
    pub(crate) fn known(&self, user: &UserId, position: Position) -> Position {
        let accepted = self.accepted.get(user).map(Vec::as_slice).unwrap_or_default();
        let last = accepted.iter().filter_map(|accepted| accepted.position).max();
        last.filter(|last| position <= *last).map_or_else(Position::default, |_| position)
    }

    /// Tells whether it is new, and not the answer to one attempt once more.
    pub(crate) fn opened(&mut self, ticket: Ticket, session: SessionId, facts: Facts) -> bool {
        let by = *self.opened_by.entry(ticket).or_insert(session);
        self.check(by == session, || format!("one ticket opened {by} and {session}"));
        let is_new = self.sessions.insert(session, facts).is_none();
        self.told.sessions += usize::from(is_new);
        is_new
    }

    pub(crate) fn ended(&mut self, session: SessionId) {
        let Some(facts) = self.sessions.get(&session) else { return };
        let accepted = self.accepted.get(&facts.user).map_or(0, Vec::len);
        self.ended.entry(session).or_insert(accepted);
    }

    /// No session stands that ended before.
    pub(crate) fn stands(&mut self, session: SessionId) {
        let ended = self.ended.contains_key(&session);
        self.check(!ended, || format!("{session} ended, and is admitted again"));
    }

    /// This token resumes this session from now on, and those before it may not.
    pub(crate) fn resumes(&mut self, token: ResumeToken, session: SessionId) {
        self.of_token.retain(|_, of| *of != session);
        self.of_token.insert(token, session);
    }

    /// The backend ended it, which is remembered until then.
    pub(crate) fn ended_by_backend(&mut self, session: SessionId, until: Timestamp) {
        self.ended_by_backend.insert(session, until);
    }

    /// Whoever comes back to a session that the backend ended is told so.
    pub(crate) fn refused(&mut self, latest: Timestamp, token: ResumeToken, code: CloseCode) {
        let Some(session) = self.of_token.get(&token) else { return };
        let Some(until) = self.ended_by_backend.get(session) else { return };
        if latest < *until {
            self.told.told_why += 1;
            let kept = code == CloseCode::ClosedByBackend;
            self.check(kept, || format!("the end of the session of {token:?} is told as {code:?}"));
        }
    }

    /// Whom `active` means now.
    pub(crate) fn active(sessions: &[Session]) -> Option<SessionId> {
        let live = |s: &&Session| s.state == SessionState::Live;
        let activity = |s: &&Session| (s.active_at > s.created_at).then_some(s.active_at);
        let last = |s: &&Session| (activity(s), s.created_at, s.id);
        let newest = sessions.iter().filter(live).max_by_key(last);
        newest.or_else(|| sessions.iter().max_by_key(last)).map(|session| session.id)
    }

    pub(crate) fn accepted(&mut self, user: &UserId, accepted: Accepted) {
        self.told.messages += 1;
        self.accepted.entry(user.clone()).or_default().push(accepted);
    }

    fn is_for(accepted: &Accepted, session: SessionId, facts: &Facts) -> bool {
        let meant = match &accepted.to {
            Target::All => true,
            Target::Active => unreachable!("settled when it was accepted"),
            Target::Device(device) => facts.device.as_ref() == Some(device),
            Target::Class(class) => facts.class.as_ref() == Some(class),
            Target::Session(one) => *one == session,
        };
        let after_joining = accepted.position.is_none_or(|position| position > facts.joined);
        meant && after_joining && accepted.except != Some(session)
    }

    /// How many of these sessions a message is for.
    pub(crate) fn count(&self, accepted: &Accepted, sessions: &[Session]) -> (u32, u32) {
        let mut counts = (0, 0);
        for session in sessions {
            if Self::is_for(accepted, session.id, &self.sessions[&session.id]) {
                match session.state {
                    SessionState::Live => counts.0 += 1,
                    SessionState::Parked if accepted.position.is_some() => counts.1 += 1,
                    SessionState::Parked => {}
                }
            }
        }
        counts
    }

    /// A device got a message: it must be for it, and new. A volatile one may come again where the
    /// session has moved to a node that was told of it for another.
    pub(crate) fn received(
        &mut self,
        session: SessionId,
        id: MessageId,
        position: Option<Position>,
        seen: &mut Seen,
    ) {
        self.told.received += 1;
        let facts = &self.sessions[&session];
        let known = self.accepted.get(&facts.user).map(Vec::as_slice).unwrap_or_default();
        let found = known.iter().position(|a| a.id == id && Self::is_for(a, session, facts));
        self.check(found.is_some(), || format!("{session} got {id}, which is not for it"));
        let ended = self.ended.get(&session).zip(found);
        let in_time = ended.is_none_or(|(until, place)| place < *until);
        self.check(in_time, || format!("{session} got {id}, which came after its end"));
        let new = seen.lately.insert(id);
        self.check(new || position.is_none(), || format!("{session} got {id} twice"));
        seen.messages.insert(id);
    }

    /// A session that follows must have everything by now.
    pub(crate) fn has_all(&mut self, latest: Timestamp, session: SessionId, seen: &Seen) {
        let facts = self.sessions[&session].clone();
        let known = self.accepted.get(&facts.user).map(Vec::as_slice).unwrap_or_default();
        let mut missing = Vec::new();
        for accepted in known {
            let Some(position) = accepted.position else { continue };
            let over = accepted.expires_at.is_some_and(|at| at <= latest);
            if over || !Self::is_for(accepted, session, &facts) {
                continue;
            }
            self.told.due += 1;
            if seen.messages.contains(&accepted.id) {
                continue;
            }
            let covered = |gap: &Gap| match gap.reason {
                GapReason::Epoch => position <= gap.until,
                GapReason::Expired | GapReason::Overflow => {
                    gap.after < position && position <= gap.until
                }
            };
            match seen.gaps.iter().any(covered) {
                true => self.told.in_gaps += 1,
                false => missing.push(accepted.id),
            }
        }
        self.check(missing.is_empty(), || format!("{session} never got {missing:?}"));
    }
}
