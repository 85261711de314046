//! Block: keeping a user out.

use serde::{Deserialize, Serialize};

use super::seconds::LongTtl;
use crate::{name::UserId, time::Timestamp};

/// `PUT /v1/users/{user}/block`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// Seconds after which the user may come again; if absent, when the block is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<LongTtl>,
}

/// 200 of the calls that block a user or lift a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlockReply {
    /// Whether the user is blocked now.
    pub blocked: bool,
    /// How many sessions ended by this call.
    pub closed: u32,
}

/// A user who is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Block {
    /// Who.
    pub user: UserId,
    /// Until when; absent if until the block is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}
