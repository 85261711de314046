//! People: the users of one partition, their sessions, and the ways to find them.
//!
//! There may be a million of each, so a user is kept once, and found by name, session or token
//! through an index that holds places only.

use protocol::{
    id::{ResumeToken, SessionId},
    name::UserId,
};
use slab::Slab;

use super::record::{Record, User};
use crate::index::Index;

/// Users, sessions and tokens.
#[derive(Debug, Default)]
pub(super) struct People {
    // Boxed, so that the slab's growth moves and wastes pointers only.
    users: Slab<Box<User>>,
    by_name: Index,
    by_session: Index,
    by_token: Index,
}

impl People {
    /// A user who is known.
    pub(super) fn user(&self, name: &UserId) -> Option<&User> {
        self.place(name).map(|place| &*self.users[place as usize])
    }

    pub(super) fn user_mut(&mut self, name: &UserId) -> Option<&mut User> {
        let place = self.place(name)?;
        Some(&mut self.users[place as usize])
    }

    /// A user, made known by `make` if need be.
    pub(super) fn meet(&mut self, name: &UserId, make: impl FnOnce() -> User) -> &mut User {
        let place = self.place(name).unwrap_or_else(|| {
            let place = self.users.insert(Box::new(make()));
            let place = u32::try_from(place).expect("fewer than 2^32 users");
            self.by_name.insert(name, place);
            place
        });
        &mut self.users[place as usize]
    }

    /// All users.
    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.iter().map(|(_, user)| &**user)
    }

    /// Forgets users whom `stays` does not want to stay. They have no sessions.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&mut User) -> bool) {
        let by_name = &mut self.by_name;
        self.users.retain(|place, user| {
            let stays = stays(user);
            if !stays && let Ok(place) = u32::try_from(place) {
                by_name.remove(&user.name, place);
            }
            stays
        });
    }

    /// A session, and whose it is.
    pub(super) fn session(&self, session: SessionId) -> Option<(&UserId, &Record)> {
        let user = &self.users[self.place_of(session)? as usize];
        user.records.iter().find(|record| record.id == session).map(|record| (&user.name, record))
    }

    pub(super) fn session_mut(&mut self, session: SessionId) -> Option<&mut Record> {
        let place = self.place_of(session)?;
        self.users[place as usize].records.iter_mut().find(|record| record.id == session)
    }

    /// The session for which a token is good.
    pub(super) fn of_token(&self, token: ResumeToken) -> Option<SessionId> {
        let has = |record: &&Record| record.has_token(token);
        let place = self.by_token.find(&token, |place| self.at(place).iter().any(|r| has(&r)))?;
        self.at(place).iter().find(has).map(|record| record.id)
    }

    /// Adds a session of a user who is known, with its token.
    pub(super) fn add(&mut self, name: &UserId, record: Record) {
        let Some(place) = self.place(name) else { return };
        self.by_session.insert(&record.id, place);
        self.by_token.insert(&record.token, place);
        let records = &mut self.users[place as usize].records;
        records.reserve_exact(1);
        records.push(record);
    }

    /// A session has one more token.
    pub(super) fn add_token(&mut self, session: SessionId, token: ResumeToken) {
        if let Some(place) = self.place_of(session) {
            self.by_token.insert(&token, place);
        }
    }

    /// A session's token is not good any more.
    pub(super) fn void_token(&mut self, session: SessionId, token: ResumeToken) {
        if let Some(place) = self.place_of(session) {
            self.by_token.remove(&token, place);
        }
    }

    /// Removes a session with its tokens.
    pub(super) fn remove(&mut self, session: SessionId) -> Option<Record> {
        let place = self.place_of(session)?;
        let records = &mut self.users[place as usize].records;
        let record = records.remove(records.iter().position(|record| record.id == session)?);
        self.by_session.remove(&session, place);
        for token in record.tokens() {
            self.by_token.remove(&token, place);
        }
        Some(record)
    }

    /// How many users, sessions and tokens there are.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.users.len(), self.by_session.len(), self.by_token.len())
    }

    fn at(&self, place: u32) -> &[Record] {
        &self.users[place as usize].records
    }

    fn place(&self, name: &UserId) -> Option<u32> {
        self.by_name.find(name, |place| self.users[place as usize].name == *name)
    }

    fn place_of(&self, session: SessionId) -> Option<u32> {
        let has = |place: u32| self.at(place).iter().any(|record| record.id == session);
        self.by_session.find(&session, has)
    }
}
