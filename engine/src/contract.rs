//! Contract: what every engine does, and promises.
//!
//! Each method is one atomic step for one user, over all nodes. It is shaped after what a script
//! in one partition of a key-value store can do, since that is the hardest to fit: all that a step
//! looks at belongs to one partition, and ids name theirs.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use kernel::{
    message::Fenced,
    registry::{Admitted, Attempt, Draft, Ended, Grant, Receipt, Touch},
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{SessionId, Ticket},
    name::UserId,
    position::Position,
    time::Timestamp,
};

/// Why a step gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It was not done.
    #[error("the engine could not take it")]
    NotDone,
    /// It may have been done, or may still be.
    #[error("the engine did not answer")]
    Unknown,
}

/// Why a session was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// By the rules; the code says which.
    #[error("refused: {0}")]
    Refused(CloseCode),
    /// For want of an answer.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// How a node lets go of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Its socket is lost; it may resume.
    Park,
    /// It ended; a resume is refused with this code.
    End(CloseCode),
}

/// Which sessions a call ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// One.
    Session(SessionId),
    /// A user's, but for one.
    User {
        /// Whose.
        user: UserId,
        /// Which not.
        except: Option<SessionId>,
    },
}

/// Which sessions to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// One.
    Session(SessionId),
    /// All of a user, oldest first.
    User(UserId),
    /// Everybody's, some at a time, in an order of the engine's own that never changes: a session
    /// that stands all the while comes exactly once, whatever others do.
    All {
        /// After which; it may be gone by now.
        after: Option<SessionId>,
        /// How many at most; fewer come at the end only.
        most: usize,
    },
}

/// Keeps registry and streams, carries envelopes.
#[async_trait]
pub trait Engine: Send + Sync + fmt::Debug {
    /// Issues a ticket; tells until when it is good, on the engine's clock.
    async fn mint(&self, ticket: Ticket, grant: Grant, ttl: Duration) -> Result<Timestamp, Failed>;

    /// Gives a connect attempt its place, in one step with spending what it proves itself with.
    ///
    /// However often and wherever a ticket is tried, at most one attempt gets a session. The same
    /// attempt tried again gets the same session while that stands. A refused attempt spends
    /// nothing. Sessions that yield are told by envelope, after the step and before any message
    /// that is numbered after it. Messages numbered after the step count the new session among
    /// their targets.
    async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted>;

    /// Lets go of a session; tells whether it was this admission's still, and not parked before.
    /// Nothing happens to a session that was admitted again since. Its node is not told.
    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<bool, Failed>;

    /// Notes what a node tells of a session, if it is still this admission's.
    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed>;

    /// Accepts a message: numbers it, keeps it, chooses its targets, and puts one envelope on its
    /// way to each node that holds one of them, in one step. Envelopes of one user reach a node in
    /// the order of the steps, or not at all; what does not arrive can be read.
    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, Failed>;

    /// Reads on in a user's stream: at most `messages` and about `bytes`, one message at least.
    /// What is not kept any more, or never was, is told as a gap. The stream of a user who was
    /// forgotten cannot be read; whoever asks for it has no session any more.
    async fn read(
        &self,
        user: &UserId,
        after: Position,
        messages: usize,
        bytes: usize,
    ) -> Result<Page, Failed>;

    /// Ends sessions; tells which ended by this call. Their nodes are told by envelope, and a later
    /// resume is refused with `code` for one window.
    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<SessionId>, Failed>;

    /// The sessions that are live or parked.
    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed>;

    /// Takes away what time ended, in one part of the registry; tells which sessions ended by this
    /// call. Called again and again, it comes past everything. A parked session whose window is over
    /// holds no place before that, gets no messages, is not listed, and cannot resume.
    async fn sweep(&self) -> Result<Vec<Ended>, Failed>;

    /// What a loss must be to lose a message that was just accepted.
    fn durability(&self) -> Durability;
}
