//! HTTP: the bodies of requests and answers.
//!
//! The server reads the requests and writes the answers; the CLI and SDKs do it the other way
//! round, with the same types.

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    data::Data,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{MessageId, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    target::Target,
    time::Timestamp,
};

/// Whole seconds from 1 to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seconds<const MAX: u64>(u64);

impl<const MAX: u64> Seconds<MAX> {
    /// That many seconds, if it is 1 to `MAX`.
    #[must_use]
    pub fn new(seconds: u64) -> Option<Self> {
        (1..=MAX).contains(&seconds).then_some(Self(seconds))
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<'de, const MAX: u64> Deserialize<'de> for Seconds<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const MAX: u64>;

        impl<const MAX: u64> de::Visitor<'_> for Visitor<MAX> {
            type Value = Seconds<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {MAX} seconds")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds<MAX>, E> {
                Seconds::new(seconds).ok_or_else(wrong::<E, MAX>)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Seconds<MAX>, E> {
                Err(wrong::<E, MAX>())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Seconds<MAX>, E> {
                Err(wrong::<E, MAX>())
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Seconds<MAX>, E> {
                Err(wrong::<E, MAX>())
            }
        }

        fn wrong<E: de::Error, const MAX: u64>() -> E {
            E::custom(format!("must be 1 to {MAX} seconds"))
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// A ticket's life: at most 10 minutes.
pub type TicketTtl = Seconds<600>;

/// A message's life and a session's age: at most 30 days.
pub type LongTtl = Seconds<2_592_000>;

/// `POST /v1/tickets`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// Whose session it will open.
    pub user: UserId,
    /// On which of the user's devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Of which class that device is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_class: Option<DeviceClass>,
    /// Seconds within which it must be used; the server's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<TicketTtl>,
    /// How many sessions the user may have; `multi` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// To whom the session may send; to nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<SendGrant>,
    /// The page that alone may use it, if a browser does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Seconds after which the session ends, whatever it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<LongTtl>,
    /// What the app wants to see beside the session in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl TicketRequest {
    /// Asks for a ticket with the server's defaults.
    #[must_use]
    pub fn new(user: UserId) -> Self {
        Self {
            user,
            device: None,
            device_class: None,
            ttl: None,
            policy: None,
            send: None,
            origin: None,
            max_age: None,
            meta: None,
        }
    }
}

/// 201 of `POST /v1/tickets`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketReply {
    /// The ticket. A secret until it is used.
    pub ticket: Ticket,
    /// Whose session it opens.
    pub user: UserId,
    /// Where to connect, best first; absent where the server was not told its public address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

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

fn is_false(value: &bool) -> bool {
    !value
}

impl SendRequest {
    /// Delivers `data` to all sessions.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Self { data, to: None, except: None, volatile: false, ttl: None, from: None, echo: None }
    }
}

/// What a loss must be to lose an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// 200 of `GET /v1/users/{user}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReply {
    /// The user, known or not.
    pub user: UserId,
    /// Whether a session is live or may come back.
    pub online: bool,
    /// Sessions whose socket is open.
    pub live: u32,
    /// Sessions that may come back within their window.
    pub parked: u32,
}

/// Whether a session has its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// The socket is open.
    Live,
    /// The socket is lost; the session may resume.
    Parked,
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// On which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Of which class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_class: Option<DeviceClass>,
    /// Which node has, or had, its socket.
    pub node: String,
    /// Whether it has its socket.
    pub state: SessionState,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When its present, or last, socket came.
    pub connected_at: Timestamp,
    /// When its user was last seen at it.
    pub active_at: Timestamp,
    /// Until when it may come back, if parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumable_until: Option<Timestamp>,
    /// Up to where the app says it has processed messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked: Option<Position>,
    /// From where it is connected.
    pub address: IpAddr,
    /// What its ticket said of it.
    pub meta: Meta,
}

/// A list, or a page of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// 200 of the calls that end sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseReply {
    /// How many ended by this call.
    pub closed: u32,
}

/// 200 of `GET /version`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionReply {
    /// The server's version.
    pub version: String,
    /// The subprotocols that it speaks.
    pub protocols: Vec<String>,
}
