//! Receipt: what whoever sends a message is told.

use protocol::{id::MessageId, position::Position};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its id; that of the first, where it was sent again.
    pub id: MessageId,
    /// Its place; absent where it took none.
    pub position: Option<Position>,
    /// Sessions that get it now.
    pub live: u32,
    /// Sessions that get it when they resume.
    pub parked: u32,
    /// Whether it was accepted before, and only told again.
    pub replayed: bool,
}
