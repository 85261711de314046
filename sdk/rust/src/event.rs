//! Events: what comes out of a session, in the order in which it came.

use protocol::{
    frame::{self, heard},
    id::MessageId,
    name::UserId,
    position::Mark,
    time::Timestamp,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// `data` as it came, not looked into: one JSON value.
pub type Raw = Box<RawValue>;

/// What comes out of a session.
///
/// A gap is one of them, in its place among the messages: whoever matches on events has to say what
/// becomes of it.
#[derive(Debug, Clone)]
pub enum Event<T> {
    /// A message.
    Message(Message<T>),
    /// Messages are missing here, and will not come any more: get the app's state anew.
    Gap(Gap),
    /// A message whose `data` is no `T`.
    Unreadable {
        /// The message as it came.
        message: Message<Raw>,
        /// What is the matter.
        error: String,
    },
}

/// A message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message<T> {
    /// Its id; no two messages have the same.
    pub id: MessageId,
    /// Its place among the user's messages, to be given to [`crate::Session::ack`]; a volatile one
    /// has none.
    pub position: Option<Mark>,
    /// What the app says.
    pub data: T,
    /// When the server accepted it.
    pub at: Timestamp,
    /// The user who sent it, where a user did.
    pub from: Option<UserId>,
    /// To whom this session's own user sent it, where it is a copy of that.
    pub echo_of: Option<UserId>,
    /// Whether the session was away when it was accepted.
    pub replayed: bool,
}

/// Messages that the session should have got and never will.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Nothing is missing up to here.
    pub after: Mark,
    /// Nothing is missing from here on.
    pub until: Mark,
    /// Why.
    pub reason: GapReason,
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// They were older than the server keeps.
    Expired,
    /// There were more than the server keeps.
    Overflow,
    /// The server lost what it had.
    Epoch,
    /// The session was lost, and another one goes on in its place. It is sent what was for all of
    /// the user's sessions; what was for the lost one alone may be missing.
    NewSession,
    /// One that this version does not know.
    Unknown,
}

impl Gap {
    pub(crate) fn new_session(after: Mark, until: Mark) -> Self {
        Self { after, until, reason: GapReason::NewSession }
    }
}

impl From<heard::Gap> for Gap {
    fn from(gap: heard::Gap) -> Self {
        let reason = match gap.reason {
            Some(frame::GapReason::Expired) => GapReason::Expired,
            Some(frame::GapReason::Overflow) => GapReason::Overflow,
            Some(frame::GapReason::Epoch) => GapReason::Epoch,
            None => GapReason::Unknown,
        };
        Self { after: gap.after, until: gap.until, reason }
    }
}

impl From<heard::Message> for Message<Raw> {
    fn from(message: heard::Message) -> Self {
        Self {
            id: message.id,
            position: message.position,
            data: message.data,
            at: message.at,
            from: message.from,
            echo_of: message.user.filter(|_| message.echo),
            replayed: message.replayed,
        }
    }
}

impl Event<Raw> {
    /// The same with its `data` as the app knows it.
    pub(crate) fn typed<T: DeserializeOwned>(self) -> Event<T> {
        match self {
            Self::Message(message) => match serde_json::from_str(message.data.get()) {
                Ok(data) => Event::Message(message.with(data)),
                Err(error) => Event::Unreadable { message, error: error.to_string() },
            },
            Self::Gap(gap) => Event::Gap(gap),
            Self::Unreadable { message, error } => Event::Unreadable { message, error },
        }
    }
}

impl Message<Raw> {
    fn with<T>(self, data: T) -> Message<T> {
        Message {
            id: self.id,
            position: self.position,
            data,
            at: self.at,
            from: self.from,
            echo_of: self.echo_of,
            replayed: self.replayed,
        }
    }
}
