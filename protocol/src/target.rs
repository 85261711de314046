//! Target: which of a user's sessions a message is for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    id::SessionId,
    name::{DeviceClass, DeviceId},
};

/// The `to` of a message, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Target {
    /// Every session.
    #[default]
    All,
    /// The session that the user used last.
    Active,
    /// Sessions of one device.
    Device(DeviceId),
    /// Sessions of one class of devices.
    Class(DeviceClass),
    /// One session.
    Session(SessionId),
}

impl Target {
    /// Parses `all`, `active`, `device:<id>`, `class:<name>` or `session:<id>`.
    ///
    /// # Errors
    /// Says what would have been right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let named = |e: crate::name::Invalid, what: &str| format!("{what} {e}");
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            None if text == "active" => Ok(Self::Active),
            Some(("device", id)) => {
                DeviceId::parse(id).map(Self::Device).map_err(|e| named(e, "the device"))
            }
            Some(("class", name)) => {
                DeviceClass::parse(name).map(Self::Class).map_err(|e| named(e, "the class"))
            }
            Some(("session", id)) => SessionId::parse(id)
                .map(Self::Session)
                .map_err(|e| format!("the session {e}: s_ and 24 characters")),
            _ => Err("must be all, active, device:<id>, class:<name> or session:<id>".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Active => f.write_str("active"),
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Class(name) => write!(f, "class:{name}"),
            Self::Session(id) => write!(f, "session:{id}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
