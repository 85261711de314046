//! Node: one process of the server, as lists show it.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a node does for sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// It takes them.
    Ready,
    /// It goes away; those that it has are told to come back elsewhere.
    Draining,
    /// It cannot reach its engine, and takes nobody until it does.
    LostEngine,
}

/// One node in a list, and 200 of `POST /v1/nodes/{node}/drain`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Node {
    /// Its name.
    pub node: String,
    /// New at each start, and larger than before.
    pub generation: u64,
    /// What it does.
    pub state: NodeState,
    /// Sessions whose socket it has.
    pub sessions: u64,
    /// Where it alone is reached, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// Its version.
    pub version: String,
}
