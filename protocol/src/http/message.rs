//! Message: what a backend sends to one user or session, and what became of it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::seconds::LongTtl;
use crate::{
    data::Data,
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
    target::Target,
};

/// Whether the sender's own sessions get a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Echo {
    /// No copy.
    #[default]
    No,
    /// To all of the sender's sessions.
    All,
    /// To all but the one that it was typed on.
    Except(SessionId),
}

impl Serialize for Echo {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Except<'a> {
            except: &'a SessionId,
        }
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::All => serializer.serialize_bool(true),
            Self::Except(except) => Except { except }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Echo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Except {
            except: SessionId,
        }

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Echo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or {\"except\": session}")
            }

            fn visit_bool<E: de::Error>(self, echo: bool) -> Result<Echo, E> {
                Ok(if echo { Echo::All } else { Echo::No })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Echo, A::Error> {
                Except::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|except| Echo::Except(except.except))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// `POST /v1/users/{user}/messages`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::echo_needs_from))]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// What to deliver; any JSON value.
    pub data: Data,
    /// To which of the user's sessions; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Target>,
    /// A session that does not get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<SessionId>,
    /// Only to sessions that are live, only if they keep up; not kept for later.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volatile: bool,
    /// Seconds after which nobody wants it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<LongTtl>,
    /// The user on whose behalf it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// Whether `from`'s own sessions get a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}

impl SendRequest {
    /// Delivers `data` to all sessions.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Self { data, to: None, except: None, volatile: false, ttl: None, from: None, echo: None }
    }
}

/// `POST /v1/sessions/{session}/messages`: a send of which the path says to whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::echo_needs_from))]
#[serde(deny_unknown_fields)]
pub struct SessionSendRequest {
    /// What to deliver; any JSON value.
    pub data: Data,
    /// Only if the session is live, only if it keeps up; not kept for later.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volatile: bool,
    /// Seconds after which nobody wants it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<LongTtl>,
    /// The user on whose behalf it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// Whether `from`'s own sessions get a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

impl SessionSendRequest {
    /// The same, to that session of its user.
    #[must_use]
    pub fn to(self, session: SessionId) -> SendRequest {
        let Self { data, volatile, ttl, from, echo } = self;
        let to = Some(Target::Session(session));
        SendRequest { data, to, except: None, volatile, ttl, from, echo }
    }
}

/// What a loss must be to lose an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// It is not kept: nobody was there, or it is volatile.
    None,
    /// The exit of the server's process.
    Memory,
    /// The loss of the primary that took it.
    Primary,
    /// The loss of the primary and of its replicas.
    Replicated,
}

/// 200 of a send to one user or session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SendReply {
    /// The message, by which recipients tell doubles.
    pub id: MessageId,
    /// Its place in the user's stream; absent where it took none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Sessions that it is for: `live` and `parked` together.
    pub matched: u32,
    /// Of these, sessions whose socket is open.
    pub live: u32,
    /// Of these, sessions that may come back within their window.
    pub parked: u32,
    /// What a loss must be to lose it now.
    pub durability: Durability,
    /// Whether the sender's own sessions got their copy, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echoed: Option<bool>,
}
