//! What the registry does with a message, and what it tells of sessions.

use std::{collections::BTreeSet, ops::Bound, sync::Arc, time::Duration};

use protocol::{
    data::Data,
    http::{Session, SessionState},
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
    target::Target,
    time::Timestamp,
};

use super::{
    Mail, Registry,
    record::{Record, State},
};
use crate::{
    message::{Envelope, Message, NodeRef, Notice},
    plan,
    stream::Page,
};

/// A message that is to be accepted.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its id; an echo carries that of the message that it is a copy of.
    pub id: MessageId,
    /// What the app says.
    pub data: Data,
    /// The user who sends it, where a user does.
    pub from: Option<UserId>,
    /// The recipient, where this is the sender's own copy.
    pub echo_of: Option<UserId>,
    /// To which of the user's sessions.
    pub to: Target,
    /// A session that does not get it.
    pub except: Option<SessionId>,
    /// Whether it skips the stream.
    pub volatile: bool,
    /// After which nobody wants it any more.
    pub ttl: Option<Duration>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its place; absent where it took none.
    pub position: Option<Position>,
    /// Sessions that get it now.
    pub live: u32,
    /// Sessions that get it when they resume.
    pub parked: u32,
}

impl Registry {
    /// Numbers a message, keeps it, chooses its targets; the mail is one envelope for each node
    /// that has one of them.
    pub fn append(&mut self, now: Timestamp, user: &UserId, draft: Draft) -> (Receipt, Vec<Mail>) {
        const NOBODY: Receipt = Receipt { position: None, live: 0, parked: 0 };
        let Some(known) = self.users.get_mut(user) else { return (NOBODY, Vec::new()) };
        let standing = || known.records.iter().filter(|record| !record.over(now));
        if standing().next().is_none() {
            return (NOBODY, Vec::new());
        }
        let Some(to) = plan::settle(draft.to, standing().map(Record::candidate)) else {
            return (NOBODY, Vec::new());
        };
        let message = Message {
            id: draft.id,
            position: (!draft.volatile).then(|| known.stream.next()),
            data: draft.data,
            at: now,
            from: draft.from,
            echo_of: draft.echo_of,
            to,
            except: draft.except,
            expires_at: draft.ttl.map(|ttl| now.after(ttl)),
        };
        let mut receipt = Receipt { position: message.position, live: 0, parked: 0 };
        let mut nodes: BTreeSet<Arc<NodeRef>> = BTreeSet::new();
        for record in standing().filter(|record| plan::matches(&message, &record.member())) {
            match &record.state {
                State::Live(node) => {
                    receipt.live += 1;
                    nodes.insert(Arc::clone(node));
                }
                State::Parked { .. } if draft.volatile => {}
                State::Parked { .. } => receipt.parked += 1,
            }
        }
        let message = Arc::new(message);
        if !draft.volatile {
            known.stream.append(Arc::clone(&message), &self.terms.stream, now);
        }
        let envelope = |node| {
            let notice = Notice::Message(Arc::clone(&message));
            Mail { node, envelope: Envelope { user: user.clone(), notice } }
        };
        (receipt, nodes.into_iter().map(envelope).collect())
    }

    /// Reads on in a user's stream. A stream that is not there any more is a gap to whoever asks.
    #[must_use]
    pub fn read(
        &self,
        now: Timestamp,
        user: &UserId,
        after: Position,
        messages: usize,
        bytes: usize,
    ) -> Option<Page> {
        self.users.get(user).map(|known| known.stream.read(after, messages, bytes, now))
    }

    /// The sessions of one user, oldest first.
    #[must_use]
    pub fn sessions_of(&self, now: Timestamp, user: &UserId) -> Vec<Session> {
        let Some(known) = self.users.get(user) else { return Vec::new() };
        let mut sessions: Vec<_> = known
            .records
            .iter()
            .filter(|record| !record.over(now))
            .map(|record| shown(record, user))
            .collect();
        sessions.sort_by_key(|session| (session.created_at, session.id));
        sessions
    }

    /// One session.
    #[must_use]
    pub fn session(&self, now: Timestamp, id: SessionId) -> Option<Session> {
        let user = self.sessions.get(&id)?;
        self.record(id).filter(|record| !record.over(now)).map(|record| shown(record, user))
    }

    /// The sessions after `after`, in the order of their ids.
    #[must_use]
    pub fn sessions(&self, now: Timestamp, after: Option<SessionId>, most: usize) -> Vec<Session> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.sessions
            .range((start, Bound::Unbounded))
            .filter_map(|(id, _)| self.session(now, *id))
            .take(most)
            .collect()
    }

    /// How many sessions of a user are live and parked.
    #[must_use]
    pub fn count(&self, now: Timestamp, user: &UserId) -> (u32, u32) {
        let Some(known) = self.users.get(user) else { return (0, 0) };
        known.records.iter().filter(|record| !record.over(now)).fold(
            (0, 0),
            |(live, parked), record| match record.is_live() {
                true => (live + 1, parked),
                false => (live, parked + 1),
            },
        )
    }
}

fn shown(record: &Record, user: &UserId) -> Session {
    let (state, resumable_until) = match &record.state {
        State::Live(_) => (SessionState::Live, None),
        State::Parked { until, .. } => (SessionState::Parked, Some(*until)),
    };
    Session {
        id: record.id,
        user: user.clone(),
        device: record.device.clone(),
        device_class: record.class.clone(),
        node: record.node().id.to_string(),
        state,
        created_at: record.created_at,
        connected_at: record.connected_at,
        active_at: record.active_at,
        resumable_until,
        acked: record.acked,
        address: record.address,
        meta: record.meta.as_deref().cloned().unwrap_or_default(),
    }
}
