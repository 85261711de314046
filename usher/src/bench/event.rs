//! Event: what the load is told by its sockets.

use std::fmt;

use protocol::{close::CloseCode, frame::Welcome};

/// Something happened at one of the load's sockets. Sessions and callers go by their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event<'a> {
    /// A session was let in.
    Welcomed { session: usize, welcome: &'a Welcome },
    /// A session got a frame that concerns nobody but whoever measures.
    Text { session: usize, text: &'a [u8] },
    /// A session's socket is closed; it is gone from the load.
    Closed { session: usize, end: End },
    /// A call was answered.
    Answered { caller: usize, status: u16, body: &'a [u8] },
}

/// How a session's socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The close code, or the status of the answer to a handshake that was refused; they do not
    /// overlap. None if the socket ended without a word.
    pub(super) code: Option<u16>,
    /// After how many milliseconds to come back, where that was told.
    pub(super) retry_ms: Option<u64>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => f.write_str("no close frame"),
            Some(number) => match CloseCode::from_number(number) {
                Some(code) => write!(f, "{code}"),
                None => write!(f, "{number}"),
            },
        }
    }
}
