//! A node: sockets, HTTP, clock and tasks around the kernel's rules and an engine.
//!
//! Must not know: which engine keeps the registry (but `serve`, which makes it), the command line.
//! API boundary: `serve::start` and what it takes and gives.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod serve;
mod http;
mod door;
mod shard;
mod ws;
pub mod node;
pub mod answer;
pub mod journal;
mod tally;
mod process;
mod places;
mod count;
mod placement;
mod roster;
pub mod limiter;
mod gate;
mod turns;
mod fingerprint;
pub mod panics;
pub mod config;
pub mod proxies;
mod memory;
pub mod tls;
pub mod random;
pub mod clock;
