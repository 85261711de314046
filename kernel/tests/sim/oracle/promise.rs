//! Promise: what users are told they can count on, each with a name by which a breach is blamed.

use super::Oracle;
use crate::told::Case;

/// Something that holds whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A ticket opens at most one session.
    TicketOnce,
    /// A good proof is honoured, a bad one refused for what is wrong with it.
    Verdict,
    /// A scope has no more sessions than the policy allows; those yield whose turn it is.
    Places,
    /// `reject` ends nobody who is there, and refuses only when enough are there.
    Reject,
    /// Who lost its place gets nothing more and can send nothing more once its node has heard.
    Void,
    /// The node of a session that lost its place is told.
    EndTold,
    /// A resume of a session that ended is refused with the code of its end, for one window.
    EndCode,
    /// A user who is blocked has no session.
    Blocked,
    /// Within its window a session may come back, and goes on where it was.
    Resume,
    /// What was accepted arrives, or a gap tells that it does not.
    Delivery,
    /// What arrives is meant for who gets it, and as it was sent.
    Meant,
    /// What arrives comes in order, once.
    Once,
    /// What is past its time is not replayed.
    Expired,
    /// A receipt tells who gets a message.
    Receipt,
    /// A message sent again under its key is accepted once and told again the same.
    Key,
    /// What is not kept reaches only those who are there.
    Fleeting,
    /// That a user came is told once, then that she has gone.
    Presence,
    /// Who answers is kept; who does not is found out in time; who keeps up is not called slow.
    Alive,
    /// A session ends by its node's word if it left, broke a rule or never knew of itself, and only
    /// then.
    Kept,
    /// A node that drains, or is without its lease for too long, lets go of its sessions in time. No
    /// other does.
    Drained,
    /// A session sends only to whom its ticket says.
    Grant,
    /// Frames come as the protocol says: whole, `welcome` first, pings that are understood.
    Frames,
    /// What is kept has a bound.
    Bounded,
    /// The registry learns what its nodes hear.
    Touched,
    /// Registry and sockets agree.
    Agree,
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Blame {
    pub(crate) promise: Promise,
    #[expect(dead_code, reason = "it is there to be read by a person, as Debug shows it")]
    what: String,
}

impl Oracle {
    pub(crate) fn blame(&mut self, promise: Promise, what: String) {
        self.blames.push(Blame { promise, what });
    }

    pub(crate) fn check(&mut self, promise: Promise, kept: bool, what: impl FnOnce() -> String) {
        if !kept {
            self.blame(promise, what());
        }
    }

    pub(crate) fn count(&mut self, case: Case) {
        self.told.count(case);
    }

    pub(crate) fn count_if(&mut self, case: Case, happened: impl Into<bool>) {
        if happened.into() {
            self.told.count(case);
        }
    }
}
