//! Room: whether a server takes more to keep.
//!
//! One whose memory is full refuses tickets, sessions and messages; all that keeps what is there, or
//! takes it away, goes on. Nobody need try in vain to find that out, or that it is over: a server is
//! asked for what it refuses when it is full, and what changes nothing when it is not.

use std::sync::Arc;

use redis::Cmd;

use super::{Redis, host::Host, link::Fault};

impl Redis {
    /// Asks a server, and tells if it begins or ends to be full.
    pub(super) async fn look_for_room(&self, host: &Arc<Host>) {
        let Some(partition) = host.ear.opened().into_iter().next() else { return };
        let mut push = Cmd::new();
        push.arg("LPUSHX").arg(self.keys.room(partition)).arg("");
        let has_room = match host.link.ask_in_time::<u32>(&push, self.lease).await {
            Ok(_) => true,
            Err(Fault::Full) => false,
            // If it is silent, it is lost to all; of what else is the matter others find out.
            Err(Fault::NotDone | Fault::Moving | Fault::Unknown | Fault::Foreign) => return,
        };
        if host.note_room(has_room) {
            self.weigh();
        }
    }
}
