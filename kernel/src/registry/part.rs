//! Parting: how sessions are parked, released and ended, and who is told.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    close::CloseCode,
    id::{ResumeToken, SessionId},
    name::UserId,
    time::Timestamp,
};

use super::{
    Mail, Registry, Touch, Which,
    record::{Record, State},
};
use crate::message::{End, Envelope, Fenced, NodeRef, Notice};

/// A session that ended in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// Why.
    pub code: CloseCode,
    /// Whether it was the user's last.
    pub last: bool,
}

impl Registry {
    /// The socket of a session is lost; it may resume within the window. Tells whether it was
    /// still this admission's.
    pub fn park(&mut self, now: Timestamp, fenced: Fenced) -> (bool, Vec<Mail>) {
        let window = now.after(self.terms.resume_window);
        let Some(record) = self.people.session_mut(fenced.session) else {
            return (false, Vec::new());
        };
        let State::Live(node) = &record.state else { return (false, Vec::new()) };
        if record.fence != fenced.fence {
            return (false, Vec::new());
        }
        let node = Arc::clone(node);
        let until = window.max(record.rare().held_until.unwrap_or(window)).min(record.ends_at);
        record.state = State::Parked { node, at: now, until };
        let askers = record.take_askers();
        (true, self.tell_askers(fenced, askers))
    }

    /// A session whose node was taken for lost has been there all the while: it is live again. Tells
    /// whether it was still this admission's, and may resume.
    pub fn reclaim(&mut self, now: Timestamp, fenced: Fenced) -> bool {
        let Some(record) = self.people.session_mut(fenced.session) else { return false };
        let State::Parked { node, until, .. } = &record.state else { return false };
        if record.fence != fenced.fence || *until <= now {
            return false;
        }
        record.state = State::Live(Arc::clone(node));
        true
    }

    /// A session ends by its node's word, if it is still this admission's.
    pub fn release(
        &mut self,
        now: Timestamp,
        fenced: Fenced,
        code: CloseCode,
    ) -> (Option<Ended>, Vec<Mail>) {
        let standing = self.people.session(fenced.session);
        let standing = standing.filter(|(_, record)| record.fence == fenced.fence);
        let Some(user) = standing.map(|(user, _)| user.clone()) else { return (None, Vec::new()) };
        let Some(mut record) = self.remove(now, fenced.session, code) else {
            return (None, Vec::new());
        };
        let mail = answers(&user, fenced, record.take_askers());
        let last = self.is_vacant(&user);
        (Some(Ended { session: fenced.session, user, code, last }), mail)
    }

    /// Ends sessions by the backend's word; returns which ended, and what their nodes are told.
    /// Those whose window is over end as well, by their own code.
    pub fn end(
        &mut self,
        now: Timestamp,
        user: &UserId,
        which: Which,
        code: CloseCode,
    ) -> (Vec<Ended>, Vec<Mail>) {
        let meant = |id: SessionId| match which {
            Which::AllBut(except) => except != Some(id),
            Which::One(one) => one == id,
        };
        let mut over = self.end_over(now, user);
        let sessions: Vec<_> =
            self.standing(now, user).map(|record| record.id).filter(|id| meant(*id)).collect();
        let (ended, mail) = self.end_sessions(now, user, &sessions, &End { code, by: None });
        over.extend(ended);
        (over, mail)
    }

    /// Notes what a session's node tells of it.
    pub fn touch(&mut self, now: Timestamp, fenced: Fenced, touch: Touch) -> Vec<Mail> {
        let Some(record) = self.people.session_mut(fenced.session) else { return Vec::new() };
        if record.fence != fenced.fence {
            return Vec::new();
        }
        match touch {
            Touch::Active => record.active_at = now,
            Touch::Acked(position) => {
                let acked = &mut record.rare_mut().acked;
                *acked = (*acked).max(Some(position));
            }
            Touch::Welcomed => {
                if let Some(void) = record.confirm() {
                    self.people.void_token(fenced.session, void);
                }
            }
            Touch::Alive => {
                let askers = record.heard_of(now);
                return self.tell_askers(fenced, askers);
            }
        }
        Vec::new()
    }

    fn tell_askers(&self, fenced: Fenced, askers: Vec<Arc<NodeRef>>) -> Vec<Mail> {
        match self.user_of(fenced.session) {
            Some(user) if !askers.is_empty() => answers(user, fenced, askers),
            Some(_) | None => Vec::new(),
        }
    }

    /// Ends sessions of one user and tells the nodes that have their sockets.
    pub(super) fn end_sessions(
        &mut self,
        now: Timestamp,
        user: &UserId,
        sessions: &[SessionId],
        end: &End,
    ) -> (Vec<Ended>, Vec<Mail>) {
        let (mut ended, mut told) = (Vec::new(), Vec::new());
        let mut by_node: BTreeMap<Arc<NodeRef>, Vec<Fenced>> = BTreeMap::new();
        for session in sessions {
            let Some(mut record) = self.remove(now, *session, end.code) else { continue };
            told.extend(answers(user, record.fenced(), record.take_askers()));
            if let State::Live(node) = &record.state {
                by_node.entry(Arc::clone(node)).or_default().push(record.fenced());
            }
            let (user, last) = (user.clone(), self.is_vacant(user));
            ended.push(Ended { session: *session, user, code: end.code, last });
        }
        let ends = by_node.into_iter().map(|(node, sessions)| {
            let notice = Notice::End { sessions, end: end.clone() };
            Mail { node, envelope: Envelope { user: user.clone(), notice } }
        });
        (ended, ends.chain(told).collect())
    }

    /// Ends those of a user's sessions whose window is over. A step that passes them over does not
    /// leave it to the next sweep: should the clock be set back, they would be there again.
    pub(super) fn end_over(&mut self, now: Timestamp, user: &UserId) -> Vec<Ended> {
        let records = self.people.user(user).map(|known| known.records.as_slice());
        let over = records.unwrap_or_default().iter().filter(|record| record.over(now));
        let over: Vec<_> =
            over.filter_map(|record| Some((record.id, record.overdue(now)?))).collect();
        let end = |(session, code)| {
            // They are parked, so there is nobody to tell.
            self.end_sessions(now, user, &[session], &End { code, by: None }).0
        };
        over.into_iter().flat_map(end).collect()
    }

    fn remove(&mut self, now: Timestamp, session: SessionId, code: CloseCode) -> Option<Record> {
        let user = self.user_of(session)?.clone();
        let record = self.people.remove(session)?;
        if let Some(user) = self.people.user_mut(&user).filter(|user| user.records.is_empty()) {
            user.vacant_since = Some(now);
        }
        for token in record.tokens() {
            self.keep_end(now, token, code);
        }
        Some(record)
    }

    /// Whoever comes with a token for one window from now is told this code.
    pub(super) fn keep_end(&mut self, now: Timestamp, token: ResumeToken, code: CloseCode) {
        self.ended.insert(token, code);
        self.ended_until.push_back((now.after(self.terms.resume_window), token));
    }
}

/// What is told of a session whose socket is another one from now on, before it is noted: its node,
/// and those that asked after it.
pub(super) fn taken_over(user: &UserId, record: &mut Record) -> Vec<Mail> {
    let mut mail = answers(user, record.fenced(), record.take_askers());
    if let State::Live(node) = &record.state {
        let end = End { code: CloseCode::TakenOver, by: None };
        let notice = Notice::End { sessions: vec![record.fenced()], end };
        mail.push(Mail {
            node: Arc::clone(node),
            envelope: Envelope { user: user.clone(), notice },
        });
    }
    mail
}

/// What nodes are told that asked after a session.
pub(super) fn answers(user: &UserId, fenced: Fenced, askers: Vec<Arc<NodeRef>>) -> Vec<Mail> {
    let answer = |node| {
        let envelope = Envelope { user: user.clone(), notice: Notice::Probed(fenced) };
        Mail { node, envelope }
    };
    askers.into_iter().map(answer).collect()
}
