//! HTTP: the bodies of requests and answers.
//!
//! The server reads the requests and writes the answers; the CLI and SDKs do it the other way
//! round, with the same types.

#[cfg(feature = "schema")]
mod schema;
mod ticket;
mod bulk;
mod message;
mod session;
mod node;
mod block;
mod stats;
mod seconds;

use serde::{Deserialize, Serialize};

pub use self::{
    block::{Block, BlockReply, BlockRequest},
    bulk::{BulkError, BulkRefused, BulkReply, BulkRequest, BulkResult, BulkSent},
    message::{Durability, Echo, SendReply, SendRequest, SessionSendRequest},
    node::{Node, NodeState},
    seconds::{LongTtl, Seconds, TicketTtl},
    session::{CloseReply, Session, SessionState, UserReply, UsersQuery},
    stats::{AdmissionStats, MessageStats, SessionStats, Stats, StatsReply},
    ticket::{TicketReply, TicketRequest},
};

/// A list, or a page of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "{T}List"))]
pub struct List<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// 200 of `GET /version`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionReply {
    /// The server's version.
    pub version: String,
    /// The subprotocols that it speaks.
    pub protocols: Vec<String>,
}
