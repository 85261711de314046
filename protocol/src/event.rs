//! Event: one thing that happened at a node, for whoever watches it.
//!
//! One form for the feed of `GET /v1/events`, for `usher dev --json`, and for logs. Never what a
//! message says, never a secret. Types may be added: whoever reads an event of a type that it does
//! not know, or one with a value that it does not know, still gets it, as [`What::Other`].

mod kind;
mod number;

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{kind::Kind, number::Number};
use crate::{
    grant::Origin,
    http::Stats,
    id::{MessageId, SessionId},
    name::UserId,
    problem::ProblemCode,
    time::Timestamp,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// At which node.
    pub node: Arc<str>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum What {
    /// A session got its `welcome`.
    #[serde(rename = "session.opened")]
    SessionOpened {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session came back.
    #[serde(rename = "session.resumed")]
    SessionResumed {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session lost its socket.
    #[serde(rename = "session.parked")]
    SessionParked {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// The close code; 1006 where there was none.
        code: u16,
        /// The node that had it, where that was lost and another one tells it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Arc<str>>,
    },
    /// A session ended.
    #[serde(rename = "session.ended")]
    SessionEnded {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// The close code.
        code: u16,
    },
    /// A user who had no session got one.
    #[serde(rename = "user.online")]
    UserOnline {
        /// Who.
        user: UserId,
    },
    /// A user's last session ended. One that is parked keeps its user online.
    #[serde(rename = "user.offline")]
    UserOffline {
        /// Who.
        user: UserId,
    },
    /// A message was accepted.
    #[serde(rename = "message.accepted")]
    MessageAccepted {
        /// Which.
        message: MessageId,
        /// For whom.
        #[serde(flatten)]
        to: Recipients,
    },
    /// A connect attempt was refused.
    #[serde(rename = "ticket.refused")]
    TicketRefused {
        /// Why.
        problem: ProblemCode,
        /// The close code, where one was spoken or stands for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// The page, where its origin is what is not allowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// From where it came.
        address: IpAddr,
    },
    /// A node started.
    #[serde(rename = "node.up")]
    NodeUp {
        /// Its version.
        version: String,
    },
    /// A node sends its sessions away, and takes nobody new.
    #[serde(rename = "node.draining")]
    NodeDraining,
    /// A node stopped, and said so or was missed by another. The last event of its own feed.
    #[serde(rename = "node.down")]
    NodeDown,
    /// The engine answers.
    #[serde(rename = "engine.up")]
    EngineUp,
    /// The engine does not answer.
    #[serde(rename = "engine.down")]
    EngineDown,
    /// How much there is and was, once a second for those who ask for it.
    #[serde(rename = "stats")]
    Stats(Box<Stats>),
    /// Events are missing here.
    #[serde(rename = "gap")]
    Gap(Gap),
    /// Something that this version does not know.
    #[serde(untagged)]
    Other(Other),
}

/// For whom a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recipients {
    /// One user.
    User {
        /// Who.
        user: UserId,
        /// Sessions that get it now.
        live: u32,
        /// Sessions that get it when they come back.
        parked: u32,
    },
    /// All who are live.
    Everyone {
        /// Always true.
        everyone: bool,
    },
}

/// Events that a watcher did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last event that it has.
    pub after: Number,
    /// The last one that is missing.
    pub until: Number,
    /// Why.
    pub reason: GapReason,
    /// How many are missing, of all types and users, if that can be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}

/// Why events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// They are older than the node keeps.
    Expired,
    /// The watcher read too slowly.
    Slow,
    /// The node was started again since.
    Restarted,
    /// They were another node's, or never were.
    Unknown,
    /// The node that is watched did not hear of them.
    Unheard,
}

/// An event of a type that is not known here.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Other {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// All that it says besides.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Other").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl What {
    /// Its type, as filters name it; none if it is not known here.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::SessionOpened { .. } => Kind::SessionOpened,
            Self::SessionResumed { .. } => Kind::SessionResumed,
            Self::SessionParked { .. } => Kind::SessionParked,
            Self::SessionEnded { .. } => Kind::SessionEnded,
            Self::UserOnline { .. } => Kind::UserOnline,
            Self::UserOffline { .. } => Kind::UserOffline,
            Self::MessageAccepted { .. } => Kind::MessageAccepted,
            Self::TicketRefused { .. } => Kind::TicketRefused,
            Self::NodeUp { .. } => Kind::NodeUp,
            Self::NodeDraining => Kind::NodeDraining,
            Self::NodeDown => Kind::NodeDown,
            Self::EngineUp => Kind::EngineUp,
            Self::EngineDown => Kind::EngineDown,
            Self::Stats(_) => Kind::Stats,
            Self::Gap(_) => Kind::Gap,
            Self::Other(_) => return None,
        })
    }

    /// The name of its type.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Other(other) => &other.kind,
            known => known.kind().map_or("", Kind::name),
        }
    }

    /// Whom it is about, if it is about a user.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::SessionOpened { user, .. }
            | Self::SessionResumed { user, .. }
            | Self::SessionParked { user, .. }
            | Self::SessionEnded { user, .. }
            | Self::UserOnline { user }
            | Self::UserOffline { user } => Some(user),
            Self::MessageAccepted { to: Recipients::User { user, .. }, .. } => Some(user),
            Self::MessageAccepted { to: Recipients::Everyone { .. }, .. }
            | Self::TicketRefused { .. }
            | Self::NodeUp { .. }
            | Self::NodeDraining
            | Self::NodeDown
            | Self::EngineUp
            | Self::EngineDown
            | Self::Stats(_)
            | Self::Gap(_)
            | Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
