//! Life: what becomes of sessions that have their place.

use engine::{
    contract::{Departure, Ending, Failed},
    fleet::{Fate, Orphan},
};
use kernel::{
    message::Fenced,
    registry::{Blocking, Ended, Reader, Touch},
    shard::Parting,
    stream::Page,
};
use protocol::{
    close::CloseCode,
    event::What,
    http::{BlockReply, BlockRequest},
    limit,
    name::UserId,
};

use super::{
    Node, not_taken,
    unsettled::{Departing, Step},
};
use crate::answer::Refusal;

/// RFC 6455, section 7.1.5: the close code of a socket that is gone without a word.
const NO_WORD: u16 = 1006;

/// Bytes of a replay's page, so that a page always fits an outbox.
const PAGE_BYTES: usize = limit::OUTBOX_BYTES_MAX / 4;

impl Node {
    /// A session whose socket was lost may resume.
    pub(crate) async fn park(&self, parting: Parting) {
        self.depart(parting, Departure::Park).await;
    }

    /// A session ended by its own will or fault.
    pub(crate) async fn release(&self, parting: Parting) {
        let end = Departure::End(parting.end_code());
        self.depart(parting, end).await;
    }

    async fn depart(&self, parting: Parting, departure: Departure) {
        let Parting { fenced, user, code } = parting;
        let departing = Departing { fenced, departure, user, code: Some(code) };
        self.departing.add();
        self.settle(Step::Depart(departing)).await;
        self.departing.subtract();
    }

    /// Tells of a session's life. Most of that is told again, or is of this moment.
    pub(crate) async fn touch(&self, fenced: Fenced, touch: Touch) {
        if touch == Touch::Welcomed {
            return self.settle(Step::Confirm(fenced)).await;
        }
        if let Err(error) = self.engine.touch(fenced, touch).await {
            self.note_untaken("a touch is not told", error);
        }
    }

    /// A page for a session; `None` if it lost its place, which its shard is told by envelope.
    pub(crate) async fn read(&self, reader: Reader) -> Result<Option<Page>, Failed> {
        let page = self.engine.read(&reader, limit::REPLAY_PAGE, PAGE_BYTES).await;
        page.inspect_err(|error| self.note_untaken("a stream cannot be read", *error))
    }

    /// Ends sessions with 4410; tells how many.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn end(&self, ending: &Ending) -> Result<u32, Refusal> {
        let ended = self.engine.end(ending, CloseCode::ClosedByBackend).await.map_err(not_taken)?;
        let closed = count(&ended, CloseCode::ClosedByBackend);
        self.tell_ended(ended);
        Ok(closed)
    }

    /// Keeps a user out, and ends the sessions with 4403.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn block(&self, user: &UserId, request: BlockRequest) -> Result<BlockReply, Refusal> {
        let blocking = Blocking::Set(request.ttl.map(|ttl| ttl.duration()));
        let ended = self.engine.block(user, blocking).await.map_err(not_taken)?;
        let closed = count(&ended, CloseCode::Forbidden);
        self.tell_ended(ended);
        Ok(BlockReply { blocked: true, closed })
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn lift(&self, user: &UserId) -> Result<BlockReply, Refusal> {
        let ended = self.engine.block(user, Blocking::Lift).await.map_err(not_taken)?;
        self.tell_ended(ended);
        Ok(BlockReply { blocked: false, closed: 0 })
    }

    /// Takes away what time ended, in one part of the registry. Without the engine nobody can.
    pub(crate) async fn sweep(&self) {
        if !self.has_engine() {
            return;
        }
        match self.engine.sweep().await {
            Ok(ended) => self.tell_ended(ended),
            Err(error) => self.note_untaken("a sweep failed", error),
        }
        for key in self.fleet.unreadable() {
            tracing::error!(key, "what the engine keeps there cannot be read by this version");
        }
        for Orphan { session, user, node, fate } in self.fleet.orphans() {
            let of = Some(node.id.clone().into());
            self.tell(match fate {
                Fate::Parked => What::SessionParked { user, session, code: NO_WORD, of },
                Fate::TakenBack => What::SessionResumed { user, session },
            });
        }
    }

    /// Tells of sessions that a step of this node ended.
    pub(super) fn tell_ended(&self, ended: Vec<Ended>) {
        for Ended { session, user, code, last } in ended {
            self.tell(What::SessionEnded { user: user.clone(), session, code: code.number() });
            if last {
                self.tell(What::UserOffline { user });
            }
        }
    }
}

/// How many ended by the word of a call, and not because their window was over anyway.
fn count(ended: &[Ended], code: CloseCode) -> u32 {
    let by_it = ended.iter().filter(|ended| ended.code == code).count();
    u32::try_from(by_it).unwrap_or(u32::MAX)
}
