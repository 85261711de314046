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
    registry::Standing,
};
use protocol::{
    id::{ResumeToken, SessionId},
    name::UserId,
    partition::{PARTITIONS, Partition},
    position::Position,
};

use super::{
    kept::{self, read, write},
    link::Fault,
};

/// Ends that are remembered for each partition. More do not overtake the answers to admissions.
const EARLY_MAX: usize = 256;

/// A session of this node, as the registry had it last.
#[derive(Debug, Clone)]
pub(super) struct Mine {
    /// Its admission.
    pub(super) fence: Fence,
    /// Its token.
    pub(super) token: ResumeToken,
    /// Messages up to here are not for it.
    pub(super) joined: Position,
    /// The partition's epoch at that time: in another one it may have been forgotten.
    pub(super) epoch: u64,
    /// All else, as it is written down. As text, since it is small, and rarely read.
    pub(super) text: Box<str>,
}

impl Mine {
    fn of(standing: &Standing, joined: Position, epoch: u64) -> Self {
        let text = write(&kept::Session::from(standing)).into();
        Self { fence: standing.fence, token: standing.token, joined, epoch, text }
    }

    /// As the rules see it.
    pub(super) fn standing(&self, id: SessionId) -> Result<Standing, Fault> {
        read::<kept::Session>(&self.text)?.standing(id, self.joined)
    }
}

/// A user with sessions at this node.
#[derive(Debug, Clone, Default)]
pub(super) struct Here {
    /// Each as it was admitted.
    pub(super) sessions: BTreeMap<SessionId, Mine>,
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

    /// A session was admitted here, when its user's stream was at `head`, in this epoch.
    pub(super) fn add(
        &self,
        user: &UserId,
        standing: &Standing,
        (joined, head): (Position, Position),
        epoch: u64,
    ) {
        let (session, fence) = (standing.id, standing.fence);
        let mut slice = self.slice(session.partition());
        if slice.early.iter().any(|end| end.session == session && end.fence >= fence) {
            return;
        }
        // What others of the user have not heard yet is not passed over.
        let new = || Here { sessions: BTreeMap::new(), seen: head };
        let here = slice.users.entry(user.clone()).or_insert_with(new);
        here.sessions.insert(session, Mine::of(standing, joined, epoch));
        slice.of.insert(session, user.clone());
    }

    /// The registry has a session like this now, in this epoch.
    pub(super) fn update(&self, standing: &Standing, epoch: u64) {
        let slice = &mut *self.slice(standing.id.partition());
        let Some(user) = slice.of.get(&standing.id) else { return };
        let here = slice.users.get_mut(user);
        let mine = here.and_then(|here| here.sessions.get_mut(&standing.id));
        if let Some(mine) = mine.filter(|mine| mine.fence == standing.fence) {
            *mine = Mine::of(standing, mine.joined, epoch);
        }
    }

    /// The registry has a user's sessions in this epoch.
    pub(super) fn note_epoch(&self, user: &UserId, epoch: u64) {
        let mut slice = self.slice(Partition::of(user));
        if let Some(here) = slice.users.get_mut(user) {
            here.sessions.values_mut().for_each(|mine| mine.epoch = epoch);
        }
    }

    /// A session is here no more; nothing happens to one that was admitted again since.
    pub(super) fn remove(&self, fenced: Fenced) {
        let slice = &mut *self.slice(fenced.session.partition());
        let Some(user) = slice.of.get(&fenced.session) else { return };
        let Some(here) = slice.users.get_mut(user) else { return };
        if here.sessions.get(&fenced.session).is_some_and(|mine| mine.fence <= fenced.fence) {
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

    /// Notes what is about to be delivered; tells whether it is to be: a message that a repair has
    /// read already is not.
    pub(super) fn note(&self, envelope: &Envelope) -> bool {
        match &envelope.notice {
            Notice::Message(message) => {
                let mut slice = self.slice(Partition::of(&envelope.user));
                let here = slice.users.get_mut(&envelope.user);
                let (Some(here), Some(position)) = (here, message.position) else { return true };
                let is_known = position.epoch == here.seen.epoch && position <= here.seen;
                here.seen = here.seen.max(position);
                return !is_known;
            }
            Notice::End { sessions, .. } => sessions.iter().for_each(|gone| self.end(*gone)),
            Notice::Behind(head) => {
                let mut slice = self.slice(Partition::of(&envelope.user));
                if let Some(here) = slice.users.get_mut(&envelope.user) {
                    here.seen = here.seen.max(*head);
                }
            }
            Notice::Probe(_) | Notice::Probed(_) => {}
        }
        true
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
