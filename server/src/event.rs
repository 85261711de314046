//! Events: what happened to sessions and messages, for whoever watches the node.
//!
//! Never what a message says, never a secret.

use protocol::{
    grant::Origin,
    id::{MessageId, SessionId},
    name::UserId,
    problem::ProblemCode,
    time::Timestamp,
};

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// A session got its `welcome`.
    SessionOpened {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session came back.
    SessionResumed {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session lost its socket.
    SessionParked {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// The close code; 1006 where there was none.
        code: u16,
    },
    /// A session ended.
    SessionEnded {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// The close code.
        code: u16,
    },
    /// A message was accepted.
    MessageAccepted {
        /// For whom.
        user: UserId,
        /// Which.
        message: MessageId,
        /// Sessions that get it now.
        live: u32,
        /// Sessions that get it when they come back.
        parked: u32,
    },
    /// A message to everyone was accepted.
    SentToEveryone {
        /// Which.
        message: MessageId,
    },
    /// A connect attempt was refused.
    ConnectRefused {
        /// Why.
        code: ProblemCode,
        /// The close code, where one was spoken or stands for it.
        close_code: Option<u16>,
        /// The page, where its origin is what is not allowed.
        origin: Option<Origin>,
    },
}
