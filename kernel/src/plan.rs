//! Plan: which sessions get a message.
//!
//! One function decides for every way a message can take: when it is accepted, live, in repair and
//! in replay. `active` depends on the moment, so it is settled once, at acceptance, into a session.

use protocol::{
    id::SessionId,
    name::{DeviceClass, DeviceId},
    position::Position,
    target::Target,
    time::Timestamp,
};

use crate::message::{Audience, Message};

/// A session as far as the choice looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The session.
    pub id: SessionId,
    /// On which device.
    pub device: Option<&'a DeviceId>,
    /// Of which class.
    pub class: Option<&'a DeviceClass>,
    /// Where the stream stood when it was admitted; what came before is not for it.
    pub joined: Position,
}

/// Whether `message` is for `member`.
#[must_use]
pub fn matches(message: &Message, member: &Member<'_>) -> bool {
    let after_joining = message.position.is_none_or(|position| position > member.joined);
    let meant = match &message.to {
        Audience::All => true,
        Audience::Device(device) => member.device == Some(device),
        Audience::Class(class) => member.class == Some(class),
        Audience::Session(session) => member.id == *session,
    };
    after_joining && meant && message.except != Some(member.id)
}

/// A session that `active` may mean.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The session.
    pub id: SessionId,
    /// Whether its socket is open.
    pub live: bool,
    /// When the user was last seen at it; equal to `created_at` if never.
    pub active_at: Timestamp,
    /// When it was admitted.
    pub created_at: Timestamp,
}

impl Candidate {
    fn activity(&self) -> Option<Timestamp> {
        (self.active_at > self.created_at).then_some(self.active_at)
    }
}

/// Settles a target among the user's sessions; `None` where `active` finds none.
///
/// `active` is the live session with the latest activity since it was admitted; where none had any,
/// the newest; without a live one the same among parked.
#[must_use]
pub fn settle(target: Target, candidates: impl Iterator<Item = Candidate>) -> Option<Audience> {
    match target {
        Target::All => Some(Audience::All),
        Target::Device(device) => Some(Audience::Device(device)),
        Target::Class(class) => Some(Audience::Class(class)),
        Target::Session(session) => Some(Audience::Session(session)),
        Target::Active => candidates
            .max_by_key(|c| (c.live, c.activity(), c.created_at, c.id))
            .map(|c| Audience::Session(c.id)),
    }
}

#[cfg(test)]
mod tests;
