//! Socket: one, as server, network and device have it.

use std::collections::VecDeque;

use kernel::{
    message::Fenced,
    moment::Moment,
    shard::{Slot, Violation},
};
use protocol::{
    frame::{Received, Unread},
    id::MessageId,
};

/// Where a socket ends at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) node: usize,
    /// In which of the node's lives.
    pub(crate) life: u64,
    pub(crate) shard: usize,
    pub(crate) slot: Slot,
}

/// Whether the server still has a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Closed with this code.
    Closed(u16),
    /// Closed in the midst of what the network did not take, or by the node's death.
    Cut,
}

/// How a device has gone away from its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The server is about to be told.
    Told,
    /// Whoever writes to it is told.
    Reset,
    /// Nobody is told: only silence shows it.
    Silently,
}

/// Whether a session came back with its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comeback {
    No,
    Yes,
    /// Its device has shown that it has its `welcome`.
    Confirmed,
}

/// Whether a socket takes all that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Steady,
    /// It did not always, so that it may be called slow.
    Uneven,
    /// The server holds back what the network did not take.
    Stalled,
}

/// What a device sends.
#[derive(Debug)]
pub(crate) enum Said {
    Frame(Box<Result<Received, Unread>>),
    Ping,
    Pong,
    Violation(Violation),
    Close(Option<u16>),
}

/// When something was last heard of a socket's device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeardAt {
    pub(crate) at: Moment,
    pub(crate) step: u64,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) device: usize,
    pub(crate) place: Place,
    pub(crate) fenced: Fenced,
    /// How much the network takes before it stalls.
    pub(crate) room: usize,
    /// What is on its way to the device.
    pub(crate) wire: Vec<u8>,
    /// What is on its way to the server, in order.
    pub(crate) said: VecDeque<Said>,
    pub(crate) state: State,
    pub(crate) gone: Option<Gone>,
    pub(crate) speaks_usher: bool,
    /// Whether its session came back with it, and its device has shown that it knows.
    pub(crate) comeback: Comeback,
    /// When the engine was last told that its user is there.
    pub(crate) active_told: Option<Moment>,
    /// How many sends of it are under way.
    pub(crate) sends: usize,
    /// Whether the device has read its `welcome`.
    pub(crate) was_welcomed: bool,
    /// When the shard has written its `welcome`; before that nobody is asked anything.
    pub(crate) opened_at: Option<Moment>,
    /// When the server heard that it says goodbye or breaks the rules.
    pub(crate) over_at: Option<Moment>,
    /// How often it did what is not forgiven for ever: three times, and it may be ended.
    pub(crate) faults: usize,
    pub(crate) opened: HeardAt,
    pub(crate) heard: HeardAt,
    /// When it was last asked for a newcomer whether anybody is there.
    pub(crate) probed: Option<HeardAt>,
    pub(crate) pace: Pace,
    /// Messages without a position that it has had.
    pub(crate) fleeting: Vec<MessageId>,
    /// Messages to everyone that it must get.
    pub(crate) owed: Vec<MessageId>,
}

impl Socket {
    /// Tells how much the network took.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> usize {
        let took = bytes.len().min(self.room);
        if self.room != usize::MAX {
            self.room -= took;
        }
        // To whom is gone everything can be written, for a while.
        if self.gone.is_none() {
            self.wire.extend_from_slice(&bytes[..took]);
        }
        took
    }

    /// Whether it was asked for life, and has not answered.
    pub(crate) fn owes_answer(&self) -> bool {
        self.probed.is_some_and(|probed| probed.step >= self.heard.step)
    }

    /// The next whole frame that arrived.
    pub(crate) fn read(&mut self) -> Option<String> {
        let end = self.wire.iter().position(|byte| *byte == b'\n')?;
        let line = self.wire.drain(..=end).take(end).collect();
        Some(String::from_utf8(line).unwrap())
    }
}
