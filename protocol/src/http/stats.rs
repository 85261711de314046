//! Stats: how much there is at a server, and how much there was since it started.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// 200 of `GET /v1/stats`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatsReply {
    /// When this was so.
    pub at: Timestamp,
    /// How much.
    #[serde(flatten)]
    pub stats: Stats,
}

/// How much there is, and was since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats {
    /// Nodes that are up.
    pub nodes: u32,
    /// Users who are online.
    pub users: u64,
    /// Sessions that are there.
    pub sessions: SessionStats,
    /// Messages, and what became of them.
    pub messages: MessageStats,
    /// Connect attempts.
    pub admissions: AdmissionStats,
    /// Sessions that ended, by close code; `other` for codes that are nobody's.
    pub ends: BTreeMap<String, u64>,
    /// Gaps that sessions were told of.
    pub gaps: u64,
}

/// Sessions that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionStats {
    /// Those whose socket is open.
    pub live: u64,
    /// Those that may come back within their window.
    pub parked: u64,
}

/// Messages, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageStats {
    /// Taken from backends and sessions.
    pub accepted: u64,
    /// Written to sessions as they came; one message counts once for each session.
    pub delivered: u64,
    /// Written to sessions that had been away.
    pub replayed: u64,
    /// Volatile ones that slow sessions did not get.
    pub dropped: u64,
}

/// Connect attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdmissionStats {
    /// Those that became a session, or took one up again.
    pub ok: u64,
    /// The others, by the code of the problem.
    pub refused: BTreeMap<String, u64>,
}
