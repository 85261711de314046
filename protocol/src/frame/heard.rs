//! Frames as a session hears them: what the server wrote, as owned values.
//!
//! The other half of `to_session`, for SDKs. It is read leniently where the protocol may grow:
//! types, fields and reasons that are not known here are no faults. Positions are taken as text,
//! because a session gives them back as they came and need not know what is in them. `data` is kept
//! as it is; who asked for it knows what it should be.

use std::fmt;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::to_session::{Closing, GapReason, Reply};
use crate::{
    id::{MessageId, ResumeToken, SessionId},
    name::UserId,
    position::Mark,
    time::Timestamp,
};

/// What a session hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// The session is admitted.
    Welcome(Box<Welcome>),
    /// A message for it.
    Message(Box<Message>),
    /// Messages are missing.
    Gap(Gap),
    /// The replay is done; what follows is live.
    CaughtUp(Mark),
    /// The answer to one of its frames.
    Reply(Reply),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// The socket will close.
    Closing(Closing),
    /// A type that this version does not know.
    Unknown,
}

/// The session is admitted, and this is how to come back to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Welcome {
    /// The session, the same after each resume.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Where the session stands.
    pub position: Mark,
    /// The token to resume with; good for one use.
    pub resume: ResumeToken,
    /// Whether this continues an earlier session.
    #[serde(default)]
    pub resumed: bool,
    /// Silence after which the server pings, in milliseconds.
    pub ping_ms: u64,
    /// The node that holds the socket.
    #[serde(default)]
    pub node: String,
    /// Where to come back to, best first.
    #[serde(default)]
    pub urls: Vec<String>,
}

/// A message.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// By which doubles are told.
    pub id: MessageId,
    /// Its place in the stream; a volatile one has none.
    pub position: Option<Mark>,
    /// What the app says.
    pub data: Box<RawValue>,
    /// When it was accepted.
    pub at: Timestamp,
    /// The user who sent it, where a user did.
    pub from: Option<UserId>,
    /// Whether it is a copy of what this session's user sent elsewhere.
    #[serde(default)]
    pub echo: bool,
    /// The recipient, where it is such a copy.
    pub user: Option<UserId>,
    /// Whether the session was away when it was accepted.
    #[serde(default)]
    pub replayed: bool,
}

/// Messages that the session should have got and never will.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Gap {
    /// Nothing is missing up to here.
    pub after: Mark,
    /// Nothing is missing from here on.
    pub until: Mark,
    /// Why; absent where it is a reason that this version does not know.
    #[serde(default, deserialize_with = "known")]
    pub reason: Option<GapReason>,
}

/// A text is no frame, or one of a known type without what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    what: String,
    column: usize,
}

impl fmt::Display for Unheard {
    /// Tells where, and nothing of what is there: a `welcome` has a secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read at column {}", self.what, self.column)
    }
}

impl std::error::Error for Unheard {}

impl Heard {
    /// Reads one frame.
    ///
    /// # Errors
    /// If it is not Usher's: no JSON object with a type, or a known type without what it needs.
    pub fn read(text: &str) -> Result<Self, Unheard> {
        #[derive(Deserialize)]
        struct Head {
            r#type: String,
        }
        #[derive(Deserialize)]
        struct CaughtUp {
            position: Mark,
        }

        // A sequence would be read as the fields in their order.
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(Unheard { what: "a frame".to_owned(), column: 1 });
        }
        let Head { r#type: name } = part(text, "a frame")?;
        Ok(match name.as_str() {
            "welcome" => Self::Welcome(part(text, "welcome")?),
            "message" => Self::Message(part(text, "message")?),
            "gap" => Self::Gap(part(text, "gap")?),
            "caught_up" => Self::CaughtUp(part::<CaughtUp>(text, "caught_up")?.position),
            "reply" => Self::Reply(part(text, "reply")?),
            "ping" => Self::Ping,
            "pong" => Self::Pong,
            "closing" => Self::Closing(part(text, "closing")?),
            _ => Self::Unknown,
        })
    }
}

fn part<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Unheard> {
    serde_json::from_str(text).map_err(|e| Unheard { what: what.to_owned(), column: e.column() })
}

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<GapReason>, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(serde_json::from_value(serde_json::Value::String(name)).ok())
}
