//! Cursor: where a list of names goes on, as a text that fits a query as it is.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::name::UserId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// After this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameCursor(pub(super) UserId);

impl fmt::Display for NameCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_str()))
    }
}

impl<'de> Deserialize<'de> for NameCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = URL_SAFE_NO_PAD.decode(text).ok().and_then(|name| String::from_utf8(name).ok());
        let user = name.and_then(|name| UserId::parse(&name).ok());
        user.map(Self).ok_or_else(|| D::Error::custom("is not one that a list gave"))
    }
}

impl JsonSchema for NameCursor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NameCursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{2,171}$" })
    }
}

#[cfg(test)]
mod tests;
