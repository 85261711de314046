//! The rules of sessions and delivery, as values.
//!
//! What time it is, which ids are new and what came in are arguments; what must happen goes out as
//! values. That is why a whole node, or many, fit in one test thread on virtual time.
//!
//! Must not know: tasks, sockets, clocks, randomness, Redis, JSON.
//! API boundary: `shard`, `registry` and the values that they take and give.
#![deny(clippy::wildcard_enum_match_arm, clippy::iter_over_hash_type)]

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
pub mod shard;
mod session;
pub mod outbox;
pub mod wheel;
pub mod rate;
pub mod registry;
pub mod admission;
pub mod stream;
pub mod plan;
pub mod message;
pub mod moment;
mod index;
#[cfg(test)]
mod fixture;
