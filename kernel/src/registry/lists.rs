//! Lists: what the registry tells of users and sessions.

use protocol::{
    http::{Session, SessionState},
    id::SessionId,
    name::UserId,
    time::Timestamp,
};

use super::{
    Registry,
    record::{Record, State},
};

/// Who of a user is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence {
    /// Sessions whose socket is open.
    pub live: u32,
    /// Sessions that may come back within their window.
    pub parked: u32,
    /// Whether the user is kept out.
    pub blocked: bool,
}

/// Who is there of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Users with a session.
    pub users: usize,
    /// Sessions whose socket is open.
    pub live: usize,
    /// Sessions that may come back within their window.
    pub parked: usize,
}

impl Registry {
    /// The sessions of one user, oldest first.
    #[must_use]
    pub fn sessions_of(&self, now: Timestamp, user: &UserId) -> Vec<Session> {
        let mut sessions: Vec<_> =
            self.standing(now, user).map(|record| shown(record, user)).collect();
        sessions.sort_by_key(|session| (session.created_at, session.id));
        sessions
    }

    /// One session.
    #[must_use]
    pub fn session(&self, now: Timestamp, id: SessionId) -> Option<Session> {
        let (user, record) = self.people.session(id)?;
        (!record.over(now)).then(|| shown(record, user))
    }

    /// The sessions after `after`, in the order of their ids.
    #[must_use]
    pub fn sessions(&self, now: Timestamp, after: Option<SessionId>, most: usize) -> Vec<Session> {
        let records = self.people.users().flat_map(|known| &known.records);
        let ids =
            records.map(|record| record.id).filter(|id| after.is_none_or(|after| *id > after));
        // Lists are rare, and a partition is small; an order kept for them would cost each session.
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.session(now, id)).take(most).collect()
    }

    /// Who of a user is there.
    #[must_use]
    pub fn presence(&self, now: Timestamp, user: &UserId) -> Presence {
        let mut presence = Presence { blocked: self.is_blocked(now, user), live: 0, parked: 0 };
        for record in self.standing(now, user) {
            match record.is_live() {
                true => presence.live += 1,
                false => presence.parked += 1,
            }
        }
        presence
    }

    /// Who is there of all.
    #[must_use]
    pub fn census(&self, now: Timestamp) -> Census {
        let mut census = Census::default();
        for known in self.people.users() {
            let (mut all, mut live) = (0, 0);
            for record in known.standing(now) {
                all += 1;
                live += usize::from(record.is_live());
            }
            census.users += usize::from(all > 0);
            census.live += live;
            census.parked += all - live;
        }
        census
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
        acked: record.rare().acked,
        address: record.address,
        meta: record.rare().meta.clone(),
    }
}
