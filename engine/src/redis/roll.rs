//! Roll: the sessions that this node has, as far as the engine knows.
//!
//! What was sent to a node may be lost on the way. What this node should have heard can only be
//! told by coming from what it has: its sessions, and up to where their users' messages came.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kernel::{
    message::{Envelope, Fence, Fenced, Notice},
    registry::Admitted,
};
use protocol::{
    id::{ResumeToken, SessionId},
    name::UserId,
    partition::{PARTITIONS, Partition},
    position::Position,
};

/// Ends that are remembered for each partition. More do not overtake the answers to admissions.
const EARLY_MAX: usize = 256;

/// A user with sessions at this node.
#[derive(Debug, Clone, Default)]
pub(super) struct Here {
    /// Each with its admission and the token that it was given.
    pub(super) sessions: BTreeMap<SessionId, (Fence, ResumeToken)>,
    /// Up to where messages came.
    pub(super) seen: Position,
}

#[derive(Debug, Default)]
struct Slice {
    users: HashMap<UserId, Here>,
    of: HashMap<SessionId, UserId>,
    /// Ends that came before whoever admitted the session had the answer.
    early: VecDeque<Fenced>,
}

/// The sessions of this node.
#[derive(Debug)]
pub(super) struct Roll(Box<[Mutex<Slice>]>);

impl Roll {
    pub(super) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| Mutex::default()).collect())
    }

    fn slice(&self, partition: Partition) -> MutexGuard<'_, Slice> {
        self.0[usize::from(partition.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session was admitted here, when its user's stream was at `head`.
    pub(super) fn add(&self, admitted: &Admitted, head: Position) {
        let Fenced { session, fence } = admitted.fenced;
        let mut slice = self.slice(session.partition());
        if slice.early.iter().any(|end| end.session == session && end.fence >= fence) {
            return;
        }
        // What others of the user have not heard yet is not passed over.
        let new = || Here { sessions: BTreeMap::new(), seen: head };
        let here = slice.users.entry(admitted.user.clone()).or_insert_with(new);
        here.sessions.insert(session, (fence, admitted.token));
        slice.of.insert(session, admitted.user.clone());
    }

    /// A session is here no more; nothing happens to one that was admitted again since.
    pub(super) fn remove(&self, fenced: Fenced) {
        let slice = &mut *self.slice(fenced.session.partition());
        let Some(user) = slice.of.get(&fenced.session) else { return };
        let Some(here) = slice.users.get_mut(user) else { return };
        if here.sessions.get(&fenced.session).is_some_and(|(fence, _)| *fence <= fenced.fence) {
            here.sessions.remove(&fenced.session);
            if here.sessions.is_empty() {
                slice.users.remove(user);
            }
            slice.of.remove(&fenced.session);
        }
    }

    /// A session has ended, perhaps before it is known to be here.
    fn end(&self, fenced: Fenced) {
        self.remove(fenced);
        let early = &mut self.slice(fenced.session.partition()).early;
        if early.len() == EARLY_MAX {
            early.pop_front();
        }
        early.push_back(fenced);
    }

    /// Notes what is about to be delivered.
    pub(super) fn note(&self, envelope: &Envelope) {
        match &envelope.notice {
            Notice::Message(message) => {
                let mut slice = self.slice(Partition::of(&envelope.user));
                let here = slice.users.get_mut(&envelope.user);
                if let (Some(here), Some(position)) = (here, message.position) {
                    here.seen = here.seen.max(position);
                }
            }
            Notice::End { sessions, .. } => sessions.iter().for_each(|gone| self.end(*gone)),
            Notice::Probe(_) | Notice::Probed(_) => {}
        }
    }

    /// Whose a session of this node is.
    pub(super) fn user_of(&self, session: SessionId) -> Option<UserId> {
        self.slice(session.partition()).of.get(&session).cloned()
    }

    /// The users of a partition who have sessions here.
    pub(super) fn users(&self, partition: Partition) -> Vec<(UserId, Here)> {
        let slice = self.slice(partition);
        slice.users.iter().map(|(user, here)| (user.clone(), here.clone())).collect()
    }

    /// The sessions of a partition that are here.
    pub(super) fn sessions(&self, partition: Partition) -> Vec<SessionId> {
        self.slice(partition).of.keys().copied().collect()
    }

    /// How many they are.
    pub(super) fn count(&self, partition: Partition) -> usize {
        self.slice(partition).of.len()
    }
}

#[cfg(test)]
mod tests;
