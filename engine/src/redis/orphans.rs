//! Orphans: sessions that this node parked, since their own was lost, or took back, since it was the
//! one; until somebody tells of it.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::registry::{Excerpt, Standing, State};

use super::look::Seen;
use crate::fleet::{Fate, Orphan};

/// So many wait to be told of; of more nobody is told.
const WAITING_MAX: usize = 1 << 16;

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct Orphans(Mutex<Vec<Orphan>>);

impl Orphans {
    /// Notes whom a step parked that found their node lost. The step was done, so no other node does it
    /// again.
    pub(super) fn note(&self, seen: &Seen, after: &Excerpt) {
        let Some(person) = seen.person() else { return };
        let is_parked = |before: &Standing| {
            let mut standing = after.people.iter().flat_map(|person| &person.standing);
            standing.any(|one| one.id == before.id && one.fence == before.fence && !one.is_live())
        };
        for one in &person.standing {
            let State::Live(node) = &one.state else { continue };
            if seen.holds(&node.to_string()) || !is_parked(one) {
                continue;
            }
            let (session, user, node) = (one.id, person.name.clone(), Arc::clone(node));
            self.push(Orphan { session, user, node, fate: Fate::Parked });
        }
    }

    /// Adds one, if there is room.
    pub(super) fn push(&self, orphan: Orphan) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push(orphan);
        }
    }

    /// Those since the last time.
    pub(super) fn take(&self) -> Vec<Orphan> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
