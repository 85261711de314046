//! Messages and envelopes: what travels from an accepted send to the shards.

use std::{fmt, sync::Arc};

use protocol::{
    close::CloseCode,
    data::Data,
    frame::By,
    http,
    id::{MessageId, SessionId},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

/// One process of the server, in one of its lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef {
    /// The name that its operator gave it.
    pub id: Box<str>,
    /// New at each start, so that claims of an earlier life do not match.
    pub generation: u64,
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:x}", self.id, self.generation)
    }
}

impl From<&http::Node> for NodeRef {
    fn from(listed: &http::Node) -> Self {
        Self { id: listed.node.as_str().into(), generation: listed.generation }
    }
}

/// The number of one admission or resume. The higher one holds; what carries a lower one is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fence(pub u64);

/// To whom a message goes, as it was settled when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every session of the user.
    All,
    /// Sessions of one device.
    Device(DeviceId),
    /// Sessions of one class of devices.
    Class(DeviceClass),
    /// One session.
    Session(SessionId),
}

/// One accepted message, as the stream keeps it and envelopes carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which recipients tell doubles.
    pub id: MessageId,
    /// Its place in the user's stream; a volatile one has none.
    pub position: Option<Position>,
    /// What the app says.
    pub data: Data,
    /// When it was accepted.
    pub at: Timestamp,
    /// The user who sent it, where a user did.
    pub from: Option<UserId>,
    /// The recipient, where this is the sender's own copy.
    pub echo_of: Option<UserId>,
    /// To which of the user's sessions.
    pub to: Audience,
    /// A session that does not get it.
    pub except: Option<SessionId>,
    /// After which nobody wants it any more.
    pub expires_at: Option<Timestamp>,
}

impl Message {
    /// Whether its time is over.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Why a session ends, other than by its own will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The code that its socket closes with, and that a later resume is refused with.
    pub code: CloseCode,
    /// Who took its place, for [`CloseCode::Replaced`].
    pub by: Option<By>,
}

/// A session at one of its admissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fenced {
    /// The session.
    pub session: SessionId,
    /// Its admission or resume that is meant; later ones are not.
    pub fence: Fence,
}

/// What a node is told about one of its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message for the user's sessions.
    Message(Arc<Message>),
    /// The user's stream goes up to here, and has lost what was before: whoever is behind reads on.
    Behind(Position),
    /// Sessions lost their place.
    End {
        /// Which.
        sessions: Vec<Fenced>,
        /// Why.
        end: End,
    },
    /// Is anybody at these sessions? Their node asks each, and tells the engine what it found.
    Probe(Vec<Fenced>),
    /// A session that this node wanted to know of was heard of, or has gone.
    Probed(Fenced),
}

/// A notice on its way to the node that holds the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Whose sessions are meant.
    pub user: UserId,
    /// What they are told.
    pub notice: Notice,
}
