//! WebSocket, as far as it knows nothing of sessions: handshake, frames, sockets.

pub(crate) mod handshake;
pub(crate) mod socket;
pub(crate) mod codec;

use std::cell::RefCell;

use bytes::Bytes;
use protocol::frame::ToSession;

use self::codec::{Opcode, encode};

/// Writes a frame of ours as it goes to the socket.
pub(crate) fn encode(frame: &ToSession<'_>) -> Bytes {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        frame.encode(scratch);
        encode::frame(Opcode::Text, scratch)
    })
}
