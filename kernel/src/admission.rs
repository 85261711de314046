//! Admission: who yields when a user has as many sessions as the policy allows.
//!
//! The policy of the ticket that is being admitted counts. Sessions that lost their socket yield
//! before those that have one: nobody looks at them. Nothing is decided elsewhere; an engine that
//! must decide inside a script is held to the same cases by the contract suite.

use protocol::{
    grant::{Policy, Scope, WhenFull},
    id::SessionId,
    name::{DeviceClass, DeviceId},
    time::Timestamp,
};

/// A session that holds a place.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The session.
    pub id: SessionId,
    /// On which device.
    pub device: Option<&'a DeviceId>,
    /// Of which class.
    pub class: Option<&'a DeviceClass>,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When it lost its socket; `None` while it has one.
    pub parked_at: Option<Timestamp>,
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// On which device.
    pub device: Option<&'a DeviceId>,
    /// Of which class.
    pub class: Option<&'a DeviceClass>,
}

/// What becomes of the newcomer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is admitted, and these end.
    Admit {
        /// Sessions that end, in the order in which they yield.
        yielding: Vec<SessionId>,
    },
    /// Live sessions hold all places, and keep them if `max` of them are really there.
    Full {
        /// The live sessions that are counted.
        holders: Vec<SessionId>,
        /// How many places there are for them.
        max: usize,
    },
}

/// Whether a session is among those that a policy counts together with one that comes.
#[must_use]
pub fn counts(policy: &Policy, newcomer: Newcomer<'_>, place: &Place<'_>) -> bool {
    match policy.per {
        Scope::User => true,
        Scope::Class => place.class == newcomer.class,
        Scope::Device => place.device == newcomer.device,
    }
}

/// Decides on one newcomer. Whatever the policy says, a user has at most `all_max` sessions.
#[must_use]
pub fn decide(
    policy: &Policy,
    all_max: u32,
    newcomer: Newcomer<'_>,
    places: &[Place<'_>],
) -> Decision {
    let counted = |place: &&Place<'_>| counts(policy, newcomer, place);
    let mut order: Vec<&Place<'_>> = places.iter().filter(counted).collect();
    order.sort_by_key(|place| yields_at(place, newcomer));
    let (max, all_max) = (policy.max.min(all_max) as usize, all_max as usize);
    let mut yielding: Vec<&Place<'_>> = order[..(order.len() + 1).saturating_sub(max)].to_vec();
    if policy.when_full == WhenFull::Reject && yielding.iter().any(|place| place.is_live()) {
        return full(order.into_iter(), max);
    }
    // Whatever scopes a policy counts in, a user's sessions are bounded in all.
    let beyond = (places.len() - yielding.len() + 1).saturating_sub(all_max);
    if beyond > 0 {
        let mut others: Vec<&Place<'_>> =
            places.iter().filter(|p| !yielding.iter().any(|y| y.id == p.id)).collect();
        others.sort_by_key(|place| yields_at(place, newcomer));
        yielding.extend(&others[..beyond]);
        if policy.when_full == WhenFull::Reject && yielding.iter().any(|place| place.is_live()) {
            return full(places.iter(), all_max);
        }
    }
    Decision::Admit { yielding: yielding.iter().map(|place| place.id).collect() }
}

fn full<'a>(counted: impl Iterator<Item = &'a Place<'a>>, max: usize) -> Decision {
    let holders = counted.filter(|place| place.is_live()).map(|place| place.id).collect();
    Decision::Full { holders, max }
}

impl Place<'_> {
    fn is_live(&self) -> bool {
        self.parked_at.is_none()
    }
}

/// Parked ones first, longest parked first; then live ones of the same device; then the oldest.
fn yields_at(place: &Place<'_>, newcomer: Newcomer<'_>) -> (u8, Timestamp, Timestamp, SessionId) {
    let same_device = newcomer.device.is_some() && place.device == newcomer.device;
    let rank = match place.parked_at {
        Some(_) => 0,
        None if same_device => 1,
        None => 2,
    };
    (rank, place.parked_at.unwrap_or_default(), place.created_at, place.id)
}

#[cfg(test)]
mod tests;
