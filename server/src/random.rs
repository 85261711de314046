//! Random: ids that nobody can guess, from the operating system's generator.

use protocol::{
    id::{MessageId, ResumeToken, SessionId, Ticket},
    name::UserId,
    partition::Partition,
};

/// 128 random bits.
///
/// # Panics
/// If the operating system gives none: no secret could be made then.
#[must_use]
pub fn bits() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    u128::from_le_bytes(bytes)
}

/// A number from 0 to below `bound`, to spread what would otherwise come at once.
#[must_use]
pub fn below(bound: u64) -> u64 {
    let high = u128::from(u64::MAX);
    u64::try_from((bits() & high) % u128::from(bound.max(1))).expect("less than a u64")
}

/// A ticket for a session of `user`.
#[must_use]
pub fn ticket(user: &UserId) -> Ticket {
    Ticket::new(Partition::of(user), bits())
}

/// The id of a session in `partition`.
#[must_use]
pub fn session(partition: Partition) -> SessionId {
    SessionId::new(partition, bits())
}

/// A resume token in `partition`.
#[must_use]
pub fn token(partition: Partition) -> ResumeToken {
    ResumeToken::new(partition, bits())
}

/// The id of a message to `user`.
#[must_use]
pub fn message(user: &UserId) -> MessageId {
    MessageId::new(Partition::of(user), bits())
}
