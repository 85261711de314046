//! Frames that a session writes.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    brief,
    data::{self, Data},
    http::LongTtl,
    limit::{DETAIL_BYTES_MAX, KEY_BYTES_MAX},
    name::UserId,
    plain,
    position::Position,
    target::Target,
};

/// A frame that a session sent, and under which `ref` to answer it, if an answer is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The frame's `ref`.
    pub reference: Option<String>,
    /// The frame.
    pub frame: FromSession,
}

/// What a session says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromSession {
    /// A message for a user.
    Send(Box<SendFrame>),
    /// The user is looking at this device.
    Active,
    /// Messages are processed up to here.
    Ack(Position),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// Ends the session.
    Leave,
    /// A type that this version does not know.
    Unknown,
}

/// A message that a session wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFrame {
    /// To whom.
    pub user: UserId,
    /// What.
    pub data: Data,
    /// To which of the user's sessions.
    pub to: Target,
    /// Only to sessions that are live and keep up.
    pub volatile: bool,
    /// After which nobody wants it any more.
    pub ttl: Option<Duration>,
    /// Whether the sender's other sessions get a copy; if absent, unless it is volatile.
    pub echo: Option<bool>,
    /// By which a repeated send is told from a second one.
    pub key: Option<String>,
}

/// Why a frame was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What kind of fault it is.
    pub invalid: Invalid,
    /// Under which to answer, where that much could be read.
    pub reference: Option<String>,
    /// What is the matter, for a person.
    pub detail: String,
}

/// What kind of fault a frame has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It is not JSON.
    Json,
    /// It is not one object with a `type`, or has a key twice.
    Frame,
    /// A field is missing or has a wrong value.
    Field,
}

impl Invalid {
    /// The `code` of the error.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "bad-json",
            Self::Frame => "bad-frame",
            Self::Field => "bad-field",
        }
    }
}

/// All fields of all types; each is read by the type that has it.
#[derive(Default, Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    r#type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present", rename = "ref")]
    reference: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    user: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    to: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    volatile: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    ttl: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    echo: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    position: Option<&'a RawValue>,
}

/// `null` is a value too; an `Option` would take it for absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one frame.
///
/// # Errors
/// [`Unread`] tells what to answer; the session stays open.
pub fn read(text: &str) -> Result<Received, Unread> {
    let wire = wire(text)?;
    let reference = match wire.reference {
        None => None,
        Some(raw) => Some(short_text(raw, "ref").map_err(|detail| Unread {
            invalid: Invalid::Field,
            reference: None,
            detail,
        })?),
    };
    let field =
        |detail: String| Unread { invalid: Invalid::Field, reference: reference.clone(), detail };
    let Some(name) = wire.r#type else {
        let detail = "the frame has no type".to_owned();
        return Err(Unread { invalid: Invalid::Frame, reference, detail });
    };
    let name: String = value(name, "type").map_err(field)?;
    let frame = match name.as_str() {
        "send" => send(&wire).map(|frame| FromSession::Send(Box::new(frame))),
        "active" => Ok(FromSession::Active),
        "ack" => required(wire.position, "position").map(FromSession::Ack),
        "ping" => Ok(FromSession::Ping),
        "pong" => Ok(FromSession::Pong),
        "leave" => Ok(FromSession::Leave),
        _ => Ok(FromSession::Unknown),
    };
    let frame = frame.map_err(field)?;
    Ok(Received { reference, frame })
}

fn wire(text: &str) -> Result<Wire<'_>, Unread> {
    let unread = |invalid, detail: String| Unread { invalid, reference: None, detail };
    let json = |e: serde_json::Error| unread(Invalid::Json, format!("not JSON: {e}"));
    // A sequence would be read as the fields in their order.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        let _: &RawValue = serde_json::from_str(text).map_err(json)?;
        return Err(unread(Invalid::Frame, "a frame is one JSON object".to_owned()));
    }
    match serde_json::from_str(text) {
        Ok(wire) => Ok(wire),
        Err(e) if e.is_data() => Err(unread(Invalid::Frame, "a key is there twice".to_owned())),
        Err(e) => Err(json(e)),
    }
}

fn send(wire: &Wire<'_>) -> Result<SendFrame, String> {
    let data = wire.data.ok_or_else(|| "data must be given".to_owned())?;
    let data = Data::new(data).map_err(|e: data::Invalid| format!("data {e}"))?;
    Ok(SendFrame {
        user: required(wire.user, "user")?,
        data,
        to: optional(wire.to, "to")?.unwrap_or_default(),
        volatile: optional(wire.volatile, "volatile")?.unwrap_or(false),
        ttl: optional::<LongTtl>(wire.ttl, "ttl")?.map(LongTtl::duration),
        echo: optional(wire.echo, "echo")?,
        key: wire.key.map(|raw| short_text(raw, "key")).transpose()?,
    })
}

fn required<T: DeserializeOwned>(raw: Option<&RawValue>, field: &str) -> Result<T, String> {
    value(raw.ok_or_else(|| format!("{field} must be given"))?, field)
}

fn optional<T: DeserializeOwned>(raw: Option<&RawValue>, field: &str) -> Result<Option<T>, String> {
    raw.map(|raw| value(raw, field)).transpose()
}

fn value<T: DeserializeOwned>(raw: &RawValue, field: &str) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|e| {
        let text = e.to_string();
        let place = format!(" at line {} column {}", e.line(), e.column());
        let what = text.strip_suffix(&place).unwrap_or(&text);
        brief::cut(format!("{field} {}", plain::value(what)), DETAIL_BYTES_MAX)
    })
}

fn short_text(raw: &RawValue, field: &str) -> Result<String, String> {
    let text: String = value(raw, field)?;
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        return Err(format!("{field} must have 1 to {KEY_BYTES_MAX} bytes"));
    }
    Ok(text)
}
