//! Engines: what keeps the registry and the streams, and carries envelopes to nodes.
//!
//! One trait; its promises are in its documentation, and one contract suite holds every engine to
//! them. `memory` keeps all in this process, `redis` in a store that many nodes share.
//!
//! Must not know: sockets, HTTP, frames' text, who calls it.
//! API boundary: `contract`, `fleet`, `mailbox`, `place`, and the constructors of engines.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
#[cfg(any(test, feature = "suite"))]
pub mod suite;
pub mod place;
pub mod memory;
pub mod redis;
pub mod fleet;
pub mod mailbox;
pub mod tenure;
pub mod contract;
#[cfg(feature = "planted")]
mod planted;
