//! Siblings: the sessions of one user in a shard.
//!
//! Most users have one, so what holds several together must cost nothing: each session names the
//! next, in the order in which they came, and the index names the first.

use protocol::name::UserId;

use super::{Shard, Slot};

/// The sibling of the last one.
pub(super) const NOBODY: u32 = u32::MAX;

impl Shard {
    /// The sessions of a user, in the order in which they came.
    pub(super) fn slots_of(&self, user: &UserId) -> Vec<Slot> {
        let slot =
            |index: u32| Slot { index, generation: self.sessions[index as usize].generation };
        self.indexes_of(user).map(slot).collect()
    }

    /// Puts a session, which is in its place already, behind its siblings.
    pub(super) fn link(&mut self, user: &UserId, index: u32) {
        match self.indexes_of(user).last() {
            None => self.by_user.insert(user, index),
            Some(last) => self.sessions[last as usize].sibling = index,
        }
    }

    /// Takes a session, which is still in its place, out from among its siblings.
    pub(super) fn unlink(&mut self, index: u32) {
        let session = &self.sessions[index as usize];
        let (user, next) = (session.user.clone(), session.sibling);
        let before = self.indexes_of(&user).take_while(|one| *one != index).last();
        match before {
            Some(before) => self.sessions[before as usize].sibling = next,
            None => {
                self.by_user.remove(&user, index);
                if next != NOBODY {
                    self.by_user.insert(&user, next);
                }
            }
        }
    }

    fn indexes_of(&self, user: &UserId) -> impl Iterator<Item = u32> {
        let is_theirs = |index: u32| self.sessions[index as usize].user == *user;
        let mut next = self.by_user.find(user, is_theirs);
        std::iter::from_fn(move || {
            let index = next?;
            let sibling = self.sessions[index as usize].sibling;
            next = (sibling != NOBODY).then_some(sibling);
            Some(index)
        })
    }
}
