//! Room: the place of one session's socket at its node.
//!
//! Each socket is a descriptor and some memory, so a node has room for so many. Room is taken before
//! a session is admitted, since an admission that comes to nothing spends a ticket; it is held until
//! the socket has closed.

use std::{fmt, sync::Arc};

use super::Node;

/// Room for one socket, as long as it is held.
pub(crate) struct Room {
    /// None when it is kept.
    node: Option<Arc<Node>>,
}

impl Node {
    /// Room for one more, if there is some.
    pub(super) fn room(self: &Arc<Self>) -> Option<Room> {
        let has_room = self.sockets.add_within(self.config.limits.sessions);
        has_room.then(|| Room { node: Some(Arc::clone(self)) })
    }

    /// A socket has closed whose room was kept.
    pub(crate) fn give_room_back(&self) {
        self.sockets.subtract();
    }
}

impl Room {
    /// It stays taken until the node is given it back. Who has a socket knows the node as well, and
    /// need not carry it twice for each.
    pub(crate) fn keep(mut self) {
        self.node = None;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.give_room_back();
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Room")
    }
}
