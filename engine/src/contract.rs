//! Contract: what every engine does, and promises.
//!
//! Each method is one atomic step for one user, over all nodes. It is shaped after what a script
//! in one partition of a key-value store can do, since that is the hardest to fit: all that a step
//! looks at belongs to one partition, and ids name theirs.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{
    message::{Fenced, Message},
    registry::{
        Admitted, Attempt, Blocked, Blocking, Census, Draft, Ended, Grant, Key, Mail, Presence,
        Reader, Receipt, Registry, Touch, Withdrawn,
    },
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{MessageId, ResumeToken, SessionId, Ticket},
    name::UserId,
    time::Timestamp,
};

/// Why a step gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It was not done.
    #[error("the engine could not take it")]
    NotDone,
    /// It was not done, as nothing more finds room. What keeps or takes away what is there goes on.
    #[error("the engine has no room for more")]
    Full,
    /// It may have been done, or may still be.
    #[error("the engine did not answer")]
    Unknown,
}

/// Why a ticket was not issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMinted {
    /// Its user is blocked.
    #[error("the user is blocked")]
    Blocked,
    /// For want of an answer.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A session that got its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The session.
    pub admitted: Box<Admitted>,
    /// Sessions that ended for it.
    pub ended: Vec<Ended>,
}

/// Why a session was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// By the rules; the code says which.
    #[error("refused: {0}")]
    Refused(CloseCode),
    /// Not yet: nobody knows whether anyone is at these sessions, and their nodes are asked. The
    /// node of the attempt is told of each by [`kernel::message::Notice::Probed`], and tries again
    /// when it was told of all. What it is told may be lost.
    #[error("{} sessions are asked whether anybody is there", .0.len())]
    Asked(Vec<Fenced>),
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

/// What became of a departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departed {
    /// Nothing: the session was admitted again since, parked before, or ended.
    Void,
    /// It is parked.
    Parked,
    /// It ended.
    Ended {
        /// Whether it was its user's last.
        last: bool,
    },
}

impl Departure {
    /// Takes the step in a registry.
    pub(crate) fn take(
        self,
        now: Timestamp,
        registry: &mut Registry,
        fenced: Fenced,
    ) -> (Departed, Vec<Mail>) {
        match self {
            Self::Park => {
                let (parked, mail) = registry.park(now, fenced);
                (if parked { Departed::Parked } else { Departed::Void }, mail)
            }
            Self::End(code) => {
                let (ended, mail) = registry.release(now, fenced, code);
                (ended.map_or(Departed::Void, |ended| Departed::Ended { last: ended.last }), mail)
            }
        }
    }
}

impl From<Withdrawn> for Departed {
    fn from(withdrawn: Withdrawn) -> Self {
        match withdrawn {
            Withdrawn::Nothing => Self::Void,
            Withdrawn::Parked => Self::Parked,
            Withdrawn::Ended(ended) => Self::Ended { last: ended.last },
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAppended {
    /// Another message was accepted under its key.
    #[error("the key was used for another message")]
    KeyReused,
    /// For want of an answer.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// What became of a message to everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The message; the first, where it was sent again.
    pub id: MessageId,
    /// Nodes that it goes to.
    pub nodes: u32,
    /// Whether it was accepted before, and only told again.
    pub replayed: bool,
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
    async fn mint(
        &self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Result<Timestamp, NotMinted>;

    /// Gives a connect attempt its place, in one step with spending what it proves itself with.
    ///
    /// However often and wherever a ticket is tried, at most one attempt gets a session. The same
    /// attempt tried again gets the same session while that stands. A refused attempt spends
    /// nothing. Sessions that yield are told by envelope, after the step and before any message
    /// that is numbered after it. Messages numbered after the step count the new session among
    /// their targets. Where live sessions would have to be refused for, those that were not heard
    /// of for a moment are asked first, each once at a time; see [`NotAdmitted::Asked`]. With a new
    /// session those of its user end whose window is over.
    async fn admit(&self, attempt: Attempt) -> Result<Admission, NotAdmitted>;

    /// Takes back an attempt whose outcome its node never learned, and that it has given up. A new
    /// session that it got ends, one that came back is parked, and if it is still on its way it
    /// will be refused. Nothing happens to a session that others have since.
    async fn withdraw(&self, attempt: &Attempt) -> Result<Departed, Failed>;

    /// Keeps a session for at least `wait` more once it is parked: its resume was refused for now.
    async fn hold(&self, token: ResumeToken, wait: Duration) -> Result<(), Failed>;

    /// Lets go of a session. Nothing happens to one that was admitted again since. Its node is not
    /// told; nodes that asked after it are.
    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<Departed, Failed>;

    /// Notes what a node tells of a session, if it is still this admission's. Of one that answered a
    /// probe the nodes that asked are told.
    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed>;

    /// Accepts a message: numbers it, keeps it, chooses its targets, and puts one envelope on its
    /// way to each node that holds one of them, in one step. Envelopes of one user reach a node in
    /// the order of the steps, or not at all; what does not arrive can be read. A message that was
    /// accepted before under its key is not accepted once more, but told again, for
    /// [`protocol::limit::KEY_MEMORY`].
    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended>;

    /// Notes under its key that a call to many has begun, so that another call under that key is
    /// refused before anything of it is accepted. The messages of the call have the key as well.
    async fn begin(&self, key: &Key) -> Result<(), NotAppended>;

    /// Puts a message on its way to every node, for the sessions that are live there when it
    /// arrives. It is not kept. Keys are as with [`Engine::append`].
    async fn everyone(
        &self,
        message: Arc<Message>,
        key: Option<Key>,
    ) -> Result<Spread, NotAppended>;

    /// Reads on in a user's stream for a session: at most `messages` and about `bytes`, one message
    /// at least. What is not kept any more, or never was, is told as a gap. `None` for a session
    /// that was admitted again since, or ended: its node is told by envelope, and what was accepted
    /// after that is not for it.
    async fn read(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Failed>;

    /// Ends sessions; tells which ended by this call. Their nodes are told by envelope, and a later
    /// resume is refused with `code` for one window. Those of the user whose window is over end as
    /// well, with the code of that.
    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<Ended>, Failed>;

    /// Keeps a user out or lets her in again; tells which sessions ended by this call, as with
    /// [`Engine::end`] and 4403. While a user is kept out no ticket is issued for her, and none of
    /// hers admits.
    async fn block(&self, user: &UserId, blocking: Blocking) -> Result<Vec<Ended>, Failed>;

    /// Users who are kept out, some at a time, in an order of the engine's own that never changes.
    async fn blocks(&self, after: Option<UserId>, most: usize) -> Result<Vec<Blocked>, Failed>;

    /// Who of each of these users is there, in their order.
    async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, Failed>;

    /// Who is there of all.
    async fn census(&self) -> Result<Census, Failed>;

    /// The sessions that are live or parked.
    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed>;

    /// Takes away what time ended, in one part of the registry; tells which sessions ended by this
    /// call. Called again and again, it comes past everything. A parked session whose window is over
    /// holds no place before that, gets no messages, is not listed, and cannot resume.
    async fn sweep(&self) -> Result<Vec<Ended>, Failed>;

    /// What a loss must be to lose a message that was just accepted.
    fn durability(&self) -> Durability;
}
