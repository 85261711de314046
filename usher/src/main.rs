//! usher: the one binary. Runs a node, or talks to one.
//!
//! Commands that talk to a node use its public HTTP API like any other caller. Data goes to
//! standard output, everything else to standard error.
//!
//! Must not know: the engine, the kernel.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
mod commands;
mod operate;
mod bench;
mod dev;
mod connect;
mod events;
mod serve;
mod follow;
mod log;
mod feed;
mod ticket;
mod api;
mod args;
mod out;
mod utc;
mod failure;

use std::process::ExitCode;

use clap::Parser;

use self::args::Args;

/// Sessions are many small things that come and go. The system's allocator keeps more for them, and
/// how much depends on the order in which they came.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Each session is a descriptor; the soft limit is for programs that use `select`, and few do.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    match commands::run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::problem(&failure);
            failure.exit_code()
        }
    }
}
