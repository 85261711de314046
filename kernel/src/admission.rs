//! Admission: who yields when a user has as many sessions as the policy allows.
//!
//! The policy of the ticket that is being admitted counts. Sessions that lost their socket yield
//! before those that have one: nobody looks at them. Nothing is decided elsewhere; an engine that
//! must decide inside a script is held to the same cases by the contract suite.

use protocol::{
    grant::{Policy, Scope, WhenFull},
    id::SessionId,
    limit::SESSIONS_PER_USER_MAX,
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
    /// Live sessions hold all places, and may keep them.
    Full,
}

/// Decides on one newcomer.
#[must_use]
pub fn decide(policy: &Policy, newcomer: Newcomer<'_>, places: &[Place<'_>]) -> Decision {
    let counted = |place: &&Place<'_>| match policy.per {
        Scope::User => true,
        Scope::Class => place.class == newcomer.class,
        Scope::Device => place.device == newcomer.device,
    };
    let mut order: Vec<&Place<'_>> = places.iter().filter(counted).collect();
    order.sort_by_key(|place| yields_at(place, newcomer));
    let surplus = |count: usize, max: u32| (count + 1).saturating_sub(max as usize);
    let in_scope = surplus(order.len(), policy.max.min(SESSIONS_PER_USER_MAX));
    let mut yielding: Vec<&Place<'_>> = order[..in_scope].to_vec();
    // Whatever scopes a policy counts in, a user's sessions are bounded in all.
    let beyond = surplus(places.len() - yielding.len(), SESSIONS_PER_USER_MAX);
    if beyond > 0 {
        let mut others: Vec<&Place<'_>> =
            places.iter().filter(|p| !yielding.iter().any(|y| y.id == p.id)).collect();
        others.sort_by_key(|place| yields_at(place, newcomer));
        yielding.extend(&others[..beyond]);
    }
    let live_would_yield = yielding.iter().any(|place| place.parked_at.is_none());
    match policy.when_full {
        WhenFull::Reject if live_would_yield => Decision::Full,
        WhenFull::Reject | WhenFull::Replace => {
            Decision::Admit { yielding: yielding.iter().map(|place| place.id).collect() }
        }
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
