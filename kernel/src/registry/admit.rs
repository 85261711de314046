//! Admission and resume: what a connect attempt proves itself with, and what it gets for it.

use std::{sync::Arc, time::Duration};

use protocol::{
    close::CloseCode,
    frame::By,
    grant::Origin,
    id::{ResumeToken, SessionId, Ticket},
    name::UserId,
    position::Position,
    time::Timestamp,
};

use super::{
    Admitted, Attempt, Grant, Mail, Proof, Registry, TicketState, Verdict,
    part::taken_over,
    record::{Rare, Record, State, User},
};
use crate::{
    admission::{self, Decision, Newcomer},
    message::{End, Envelope, Fenced, NodeRef, Notice},
    stream::Stream,
};

/// Who yields to a newcomer, or why it gets no place.
enum Place {
    Free {
        yielding: Vec<SessionId>,
    },
    /// These may be there, or not.
    Unproven(Vec<SessionId>),
    Refused(CloseCode),
}

impl Registry {
    /// Gives a connect attempt its place, spends what it proved itself with, and ends the sessions
    /// that yield.
    pub fn admit(&mut self, now: Timestamp, attempt: &Attempt) -> (Verdict, Vec<Mail>) {
        let verdict = match attempt.proof {
            Proof::Ticket(ticket, after) => self.admit_ticket(now, attempt, ticket, after),
            Proof::Resume(token, after) => self.resume(now, attempt, token, after),
        };
        verdict.unwrap_or_else(|code| (Verdict::Refused(code), Vec::new()))
    }

    fn admit_ticket(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        ticket: Ticket,
        after: Option<Position>,
    ) -> Result<(Verdict, Vec<Mail>), CloseCode> {
        let issued = self.tickets.get(&ticket).ok_or(CloseCode::TicketUnknown)?;
        let grant = match &issued.state {
            TicketState::Good(grant) => grant,
            TicketState::Spent { by } if *by == attempt.session => {
                let standing = self.people.session(*by);
                // Nobody has parked it then: its node does not have its socket yet.
                let standing = standing.filter(|(_, record)| record.is_live());
                let (user, record) = standing.ok_or(CloseCode::TicketSpent)?;
                let (user, from) = (user.clone(), after.unwrap_or(record.joined));
                let admitted = Box::new(record.admitted(user, from, after.is_some(), false));
                return Ok((Verdict::Admitted { admitted, ended: Vec::new() }, Vec::new()));
            }
            TicketState::Spent { .. } => return Err(CloseCode::TicketSpent),
        };
        if issued.expires_at <= now {
            return Err(CloseCode::TicketExpired);
        }
        if self.is_withdrawn(attempt) {
            return Err(CloseCode::TicketSpent);
        }
        if self.is_blocked(now, &grant.user) || !origin_fits(grant.origin.as_ref(), attempt) {
            return Err(CloseCode::Forbidden);
        }
        let grant = Grant::clone(grant);
        let yielding = match self.decide(now, &grant) {
            Place::Free { yielding } => yielding,
            Place::Unproven(sessions) => return Ok(self.ask(now, attempt, &grant.user, &sessions)),
            Place::Refused(code) => return Err(code),
        };
        if let Some(issued) = self.tickets.get_mut(&ticket) {
            issued.state = TicketState::Spent { by: attempt.session };
        }
        let by = By { session: attempt.session, device: grant.device.clone(), at: now };
        let end = End { code: CloseCode::Replaced, by: Some(by) };
        // The newcomer is there before they go, so that none of them is its user's last.
        let admitted = Box::new(self.register(now, attempt, grant, after));
        let mut ended = self.end_over(now, &admitted.user);
        let (yielded, mail) = self.end_sessions(now, &admitted.user, &yielding, &end);
        ended.extend(yielded);
        Ok((Verdict::Admitted { admitted, ended }, mail))
    }

    fn decide(&self, now: Timestamp, grant: &Grant) -> Place {
        let places: Vec<_> = self.standing(now, &grant.user).map(Record::place).collect();
        let newcomer = Newcomer { device: grant.device.as_ref(), class: grant.class.as_ref() };
        let all_max = self.terms.sessions_per_user;
        let (holders, max) = match admission::decide(&grant.policy, all_max, newcomer, &places) {
            Decision::Admit { yielding } => return Place::Free { yielding },
            Decision::Full { holders, max } => (holders, max),
        };
        let proven =
            |id: &SessionId| self.people.session(*id).is_some_and(|(_, one)| one.is_proven(now));
        let (proven, unproven): (Vec<_>, Vec<_>) = holders.into_iter().partition(proven);
        match proven.len() >= max {
            true => Place::Refused(CloseCode::LimitReached),
            false => Place::Unproven(unproven),
        }
    }

    /// Asks the nodes of these sessions whether anybody is there; each only once at a time.
    fn ask(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        user: &UserId,
        sessions: &[SessionId],
    ) -> (Verdict, Vec<Mail>) {
        let (mut asked, mut mail) = (Vec::new(), Vec::new());
        for session in sessions {
            let Some(record) = self.people.session_mut(*session) else { continue };
            let State::Live(node) = &record.state else { continue };
            let (node, fenced) = (Arc::clone(node), record.fenced());
            asked.push(fenced);
            if record.ask(now, Arc::clone(&attempt.node)) {
                mail.push((node, fenced));
            }
        }
        (Verdict::Asked(asked), probes(user, mail))
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
        let user = self.people.meet(&grant.user, || {
            self.last_epoch = epoch;
            User::new(grant.user.clone(), Stream::new(epoch))
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
            policy: grant.policy,
            joined,
            token: attempt.token,
            address: attempt.address,
            first: user.records.is_empty(),
            rare: Rare::of(grant.origin, grant.send, grant.meta),
        };
        let from = after.unwrap_or(joined);
        let admitted = record.admitted(grant.user.clone(), from, after.is_some(), false);
        self.people.add(&grant.user, record);
        admitted
    }

    fn resume(
        &mut self,
        now: Timestamp,
        attempt: &Attempt,
        token: ResumeToken,
        after: Position,
    ) -> Result<(Verdict, Vec<Mail>), CloseCode> {
        if let Some(code) = self.ended.get(&token) {
            return Err(*code);
        }
        let session = self.people.of_token(token).ok_or(CloseCode::CannotResume)?;
        if self.is_withdrawn(attempt) {
            return Err(CloseCode::CannotResume);
        }
        let user = self.user_of(session).ok_or(CloseCode::CannotResume)?.clone();
        let fence = self.next_fence(now);
        let record = self.people.session_mut(session).ok_or(CloseCode::CannotResume)?;
        if record.ends_at <= now {
            return Err(CloseCode::TooOld);
        }
        if record.over(now) {
            return Err(CloseCode::CannotResume);
        }
        if !origin_fits(record.rare().origin.as_ref(), attempt) {
            return Err(CloseCode::Forbidden);
        }
        let mail = taken_over(&user, record);
        let void = record.tokens();
        let rare = record.rare_mut();
        (rare.previous_token, rare.held_until) = (Some(token), None);
        record.token = attempt.token;
        record.state = State::Live(Arc::clone(&attempt.node));
        record.fence = fence;
        record.connected_at = now;
        record.address = attempt.address;
        let admitted = Box::new(record.admitted(user.clone(), after, true, true));
        for void in void.into_iter().filter(|void| *void != token) {
            self.people.void_token(session, void);
        }
        self.people.add_token(session, attempt.token);
        Ok((Verdict::Admitted { admitted, ended: Vec::new() }, mail))
    }

    /// A resume that was refused for now keeps its session for at least `wait` more.
    pub fn hold(&mut self, now: Timestamp, token: ResumeToken, wait: Duration) {
        let Some(session) = self.people.of_token(token) else { return };
        let Some(record) = self.people.session_mut(session) else { return };
        let (over, ends_at, held) = (record.over(now), record.ends_at, now.after(wait));
        match &mut record.state {
            State::Parked { until, .. } if !over => *until = (*until).max(held.min(ends_at)),
            State::Parked { .. } => {}
            // Its node does not know yet that the socket is lost.
            State::Live(_) => {
                let rare = record.rare_mut();
                rare.held_until = rare.held_until.max(Some(held));
            }
        }
    }
}

/// One envelope for each node that has some of these sessions.
fn probes(user: &UserId, sessions: Vec<(Arc<NodeRef>, Fenced)>) -> Vec<Mail> {
    let mut mail: Vec<Mail> = Vec::new();
    for (node, fenced) in sessions {
        let known = mail.iter_mut().find(|mail| mail.node == node);
        match known.map(|mail| &mut mail.envelope.notice) {
            Some(Notice::Probe(sessions)) => sessions.push(fenced),
            Some(
                Notice::Message(_) | Notice::Behind(_) | Notice::End { .. } | Notice::Probed(_),
            )
            | None => {
                let notice = Notice::Probe(vec![fenced]);
                mail.push(Mail { node, envelope: Envelope { user: user.clone(), notice } });
            }
        }
    }
    mail
}

/// A ticket's own origin must be the page's; else the configuration must allow the page.
fn origin_fits(bound: Option<&Origin>, attempt: &Attempt) -> bool {
    match bound {
        Some(bound) => attempt.origin.as_ref() == Some(bound),
        None => attempt.origin.is_none() || attempt.origin_allowed,
    }
}
