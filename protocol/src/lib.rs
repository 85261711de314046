//! What crosses the wire: names, ids, frames, events, HTTP bodies, close codes, problems, limits.
//!
//! Everything that arrives is parsed here once, into types that cannot hold the invalid; every
//! form that leaves is written here once. The JSON files in `fixtures/` are the same forms as an
//! SDK in another language sees them, and both sides' tests read them.
//!
//! Must not know: sockets, tasks, clocks, sessions' rules, engines.
//! API boundary: all of it; other crates and SDKs of this repository build on these names.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
pub mod event;
pub mod frame;
pub mod http;
#[cfg(feature = "schema")]
mod schema;
pub mod body;
pub mod problem;
pub mod close;
pub mod grant;
pub mod target;
pub mod data;
pub mod position;
pub mod id;
pub mod partition;
pub mod name;
pub mod time;
pub mod plain;
pub mod suggest;
mod brief;
mod whole;
pub mod limit;

/// The WebSocket subprotocol of version 1, as offered in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "usher.v1";

/// Where a session connects.
pub const CONNECT_PATH: &str = "/v1/connect";
