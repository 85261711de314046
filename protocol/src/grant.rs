//! Grant: what a ticket allows, besides to be its user.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    limit::{GRANT_USERS_MAX, META_BYTES_MAX, ORIGIN_BYTES_MAX, SESSIONS_PER_USER_MAX},
    name::UserId,
    whole,
};

/// How many sessions a user may have, and what happens at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Sessions in the scope, 1 to 128.
    pub max: u32,
    /// What is counted together.
    pub per: Scope,
    /// What happens to one more.
    pub when_full: WhenFull,
}

/// What a policy counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All sessions of the user.
    #[default]
    User,
    /// Sessions of the user with the same device class.
    Class,
    /// Sessions of the user with the same device.
    Device,
}

/// What happens when a session is asked for and `max` are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// An old one ends (4409).
    #[default]
    Replace,
    /// The new one is refused (4423).
    Reject,
}

impl Policy {
    /// `"multi"`, the default: up to 128 sessions per user, the oldest replaced.
    pub const MULTI: Self =
        Self { max: SESSIONS_PER_USER_MAX, per: Scope::User, when_full: WhenFull::Replace };
    /// `"single"`: one session per user, the new one replaces the old.
    pub const SINGLE: Self = Self { max: 1, per: Scope::User, when_full: WhenFull::Replace };
}

impl Default for Policy {
    fn default() -> Self {
        Self::MULTI
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(deserialize_with = "whole::deserialize")]
            max: u64,
            #[serde(default)]
            per: Scope,
            #[serde(default)]
            when_full: WhenFull,
        }

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Policy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"multi\", \"single\" or {\"max\", \"per\", \"when_full\"}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Policy, E> {
                match text {
                    "multi" => Ok(Policy::MULTI),
                    "single" => Ok(Policy::SINGLE),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Policy, A::Error> {
                let fields = Fields::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let max = u32::try_from(fields.max).ok();
                let max = max.filter(|max| (1..=SESSIONS_PER_USER_MAX).contains(max));
                let max = max.ok_or_else(|| de::Error::custom("max must be 1 to 128"))?;
                Ok(Policy { max, per: fields.per, when_full: fields.when_full })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// To whom a session may send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SendGrant {
    /// To nobody.
    #[default]
    None,
    /// To anybody.
    Any,
    /// To these users.
    Users(Box<[UserId]>),
}

impl SendGrant {
    /// Whether a session with this grant may send to `user`.
    #[must_use]
    pub fn allows(&self, user: &UserId) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::Users(users) => users.contains(user),
        }
    }
}

impl Serialize for SendGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Any => serializer.serialize_str("any"),
            Self::Users(users) => users.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SendGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = SendGrant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"none\", \"any\" or a list of users")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SendGrant, E> {
                match text {
                    "none" => Ok(SendGrant::None),
                    "any" => Ok(SendGrant::Any),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<SendGrant, A::Error> {
                let mut users = Vec::new();
                while let Some(user) = seq.next_element()? {
                    if users.len() == GRANT_USERS_MAX {
                        return Err(de::Error::custom("must name at most 100 users"));
                    }
                    users.push(user);
                }
                Ok(SendGrant::Users(users.into()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// What the app wants to know of a session when it looks at it again: an object of strings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Meta(BTreeMap<String, String>);

impl Meta {
    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values by name.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Meta;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Meta, A::Error> {
                let (mut entries, mut bytes) = (BTreeMap::new(), 0);
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    bytes += name.len() + value.len();
                    if bytes > META_BYTES_MAX {
                        return Err(de::Error::custom("must have at most 1 KiB in all"));
                    }
                    if entries.insert(name, value).is_some() {
                        return Err(de::Error::custom("must have each name once"));
                    }
                }
                Ok(Meta(entries))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// Where a page comes from, as a browser says it: scheme, host and port, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Parses `scheme://host[:port]`, lower case, without a path; never `null` or a pattern.
    ///
    /// # Errors
    /// Says what would have been right.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const RIGHT: &str = "must be scheme://host or scheme://host:port in lower case, \
                             without a path, as browsers send it";
        let (scheme, host) = text.split_once("://").ok_or(RIGHT)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let host_plain = |c: char| plain(c) || "_:[]".contains(c);
        let valid = !scheme.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(plain)
            && !host.is_empty()
            && host.chars().all(host_plain)
            && text.len() <= ORIGIN_BYTES_MAX;
        if valid { Ok(Self(text.into())) } else { Err(RIGHT) }
    }

    /// The text as a browser sends it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the page was served from this machine's own loopback name or address.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        let Some((_, host)) = self.0.split_once("://") else { return false };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        matches!(name, "localhost" | "127.0.0.1" | "::1")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
