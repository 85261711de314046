//! Leaving: the sockets of those who were refused, until they have closed.
//!
//! A socket that is closed behind its last word may take that with it, so whoever is refused has
//! some time to hear it and to close as well. To let that time pass costs a stranger nothing. So
//! there is room for so many, and when it gets scarce, who is leaving for the longest is reset.
//!
//! Not here: sessions that end. Each has its room at the node until its socket has closed.

use std::time::Duration;

use bytes::Bytes;
use protocol::limit;

use crate::{answer::Refusal, node::Node, ws::socket::Socket};

/// How long who is refused over HTTP may take to close.
const REFUSED_WAIT: Duration = Duration::from_secs(1);

/// A socket that is left to be closed.
#[derive(Debug)]
pub(crate) struct Leaving {
    socket: Socket,
    last: Vec<Bytes>,
    wait: Duration,
}

impl Leaving {
    /// After a closing handshake that has yet to be answered.
    pub(crate) fn after(last: Vec<Bytes>, socket: Socket) -> Self {
        Self { socket, last, wait: limit::CLOSE_WAIT }
    }

    /// After an answer over HTTP.
    pub(super) fn refused(refusal: Refusal, socket: Socket) -> Self {
        let last = vec![refusal.last_answer().to_bytes().into()];
        Self { socket, last, wait: REFUSED_WAIT }
    }

    /// Without a word.
    pub(super) fn silent(socket: Socket) -> Self {
        Self { socket, last: Vec::new(), wait: REFUSED_WAIT }
    }

    /// Returns when the socket is closed, in good order or not.
    pub(crate) async fn close(self, node: &Node) {
        let mut place = node.place_to_leave();
        self.socket.close_unless(&self.last, self.wait, place.wanted()).await;
    }
}
