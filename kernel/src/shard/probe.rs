//! Probe: is anybody at a session, whose place a newcomer wants?
//!
//! A socket that was cut off without a word looks like one whose user is silent. Before somebody is
//! refused for it, it is asked; a session that says nothing for a while is parked, and yields.

use protocol::{limit::PROBE_WAIT, name::UserId};

use super::{Output, Shard};
use crate::{message::Fenced, moment::Moment, registry::Touch, session::Ping};

impl Shard {
    pub(super) fn probe(&mut self, now: Moment, user: &UserId, sessions: &[Fenced]) {
        for slot in self.slots_of(user) {
            let Some(session) = self.get(slot) else { continue };
            let (fenced, partition) = (session.fenced, session.partition());
            // Of a frozen one nobody can say, nor whether it is still meant.
            if !sessions.contains(&fenced) || self.is_frozen(partition) {
                continue;
            }
            let Some(session) = self.get_mut(slot) else { continue };
            if session.is_opening() {
                // Its handshake came this moment.
                self.outputs.push_back(Output::Touch(fenced, Touch::Alive));
                continue;
            }
            session.pinged = Some(Ping::Probe(now));
            self.ping(slot);
            self.look_by(slot, now.after(PROBE_WAIT));
        }
    }
}
