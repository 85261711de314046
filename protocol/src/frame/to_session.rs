//! Frames that the server writes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    close::CloseCode,
    data::Data,
    id::{MessageId, ResumeToken, SessionId},
    name::{DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

/// What the server says to a session.
#[derive(Debug, Clone, Copy)]
pub enum ToSession<'a> {
    /// The session is admitted.
    Welcome(&'a Welcome),
    /// A message for it.
    Message(Message<'a>),
    /// Messages are missing.
    Gap(&'a Gap),
    /// The replay is done; what follows is live.
    CaughtUp(Position),
    /// The answer to one of its frames.
    Reply(&'a Reply),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// The socket will close.
    Closing(&'a Closing),
}

impl ToSession<'_> {
    /// Appends the frame's text to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Welcome(welcome) => tagged(out, "welcome", welcome),
            Self::Message(message) => message.encode(out),
            Self::Gap(gap) => tagged(out, "gap", gap),
            Self::CaughtUp(position) => out.extend_from_slice(
                format!(r#"{{"type":"caught_up","position":"{position}"}}"#).as_bytes(),
            ),
            Self::Reply(reply) => tagged(out, "reply", reply),
            Self::Ping => out.extend_from_slice(br#"{"type":"ping"}"#),
            Self::Pong => out.extend_from_slice(br#"{"type":"pong"}"#),
            Self::Closing(closing) => tagged(out, "closing", closing),
        }
    }
}

/// The first frame: the session is admitted, and this is how to come back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The session, the same after each resume.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The stream's head for a new session; where a resumed one goes on.
    pub position: Position,
    /// The token to resume with; each is good for one use.
    pub resume: ResumeToken,
    /// Whether this continues an earlier session.
    pub resumed: bool,
    /// Silence after which the server pings, in milliseconds.
    pub ping_ms: u64,
    /// The node that holds the socket.
    pub node: String,
    /// Where to come back to, best first; absent where the server was not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// A message, as it is written once for all sessions of a user.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// By which a session tells doubles.
    pub id: MessageId,
    /// Its place in the stream; a volatile one has none.
    pub position: Option<Position>,
    /// What the app says.
    pub data: &'a Data,
    /// When it was accepted.
    pub at: Timestamp,
    /// The user who sent it, where a user did.
    pub from: Option<&'a UserId>,
    /// The recipient, where this is the sender's own copy.
    pub echo_of: Option<&'a UserId>,
    /// Whether the session was away when it was accepted.
    pub replayed: bool,
}

impl Message<'_> {
    /// Written by hand, so that `data` is copied and not parsed again.
    fn encode(&self, out: &mut Vec<u8>) {
        use std::io::Write;

        let mut put = |text: fmt::Arguments<'_>| out.write_fmt(text).expect("a Vec takes all");
        put(format_args!(r#"{{"type":"message","id":"{}""#, self.id));
        if let Some(position) = self.position {
            put(format_args!(r#","position":"{position}""#));
        }
        put(format_args!(r#","data":{},"at":{}"#, self.data.as_str(), self.at.0));
        if let Some(from) = self.from {
            put(format_args!(r#","from":{}"#, quoted(from.as_str())));
        }
        if let Some(user) = self.echo_of {
            put(format_args!(r#","echo":true,"user":{}"#, quoted(user.as_str())));
        }
        put(format_args!("{}", if self.replayed { r#","replayed":true}"# } else { "}" }));
    }
}

/// Messages that the session should have got and never will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Nothing is missing up to here.
    pub after: Position,
    /// Nothing is missing from here on.
    pub until: Position,
    /// Why.
    pub reason: GapReason,
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// They were older than the stream keeps.
    Expired,
    /// There were more than the stream holds.
    Overflow,
    /// The engine lost the stream's past.
    Epoch,
}

/// Who took a session's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The session that was admitted instead.
    pub session: SessionId,
    /// Its device, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// When.
    pub at: Timestamp,
}

/// The socket will close, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The close code that will follow.
    pub code: u16,
    /// After how many milliseconds to come back, where coming back makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
    /// Who took the place, for 4409.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
}

impl Closing {
    /// Tells of `code`, nothing more.
    #[must_use]
    pub fn new(code: CloseCode) -> Self {
        Self { code: code.number(), retry_ms: None, by: None }
    }
}

/// The answer to a `send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The `ref` of the frame that is answered; absent where it had none that could be read.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: ReplyOutcome,
}

/// What became of a frame that asked for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReplyOutcome {
    /// It was accepted.
    Sent {
        /// The message.
        id: MessageId,
        /// Told, as `false`, where the sender's own sessions did not get their copy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        echoed: Option<bool>,
    },
    /// It was not.
    Refused {
        /// Why.
        error: ReplyError,
    },
}

/// Why a frame was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyError {
    /// What a program compares.
    pub code: String,
    /// What is the matter, for a person.
    pub detail: String,
    /// Milliseconds after which another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("every str is a JSON string")
}

fn tagged(out: &mut Vec<u8>, name: &'static str, frame: &impl Serialize) {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        r#type: &'static str,
        #[serde(flatten)]
        frame: &'a T,
    }
    serde_json::to_writer(out, &Tagged { r#type: name, frame }).expect("frames are plain values");
}
