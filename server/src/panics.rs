//! Panics: what becomes of a process in which a shard found a bug of ours.
//!
//! A shard's thread has the sockets of all sessions of its slice of users. After a panic in the
//! midst of a turn nobody knows what it has told whom, and without it they would all be left behind:
//! live by the registry's word, and served by nobody. So the process ends. Their sockets close,
//! whoever supervises the process starts another, and the sessions come back to that one. A panic
//! of an HTTP thread costs one call, and nothing else.

use std::{panic, process, thread};

/// How the names of shards' threads begin.
pub(crate) const SHARD_THREADS: &str = "usher-shard-";

/// From now on a panic in a shard ends the process, by SIGABRT, when it has been told.
pub fn end_the_process() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        if thread::current().name().is_some_and(|name| name.starts_with(SHARD_THREADS)) {
            tracing::error!(
                "the process ends: a shard panicked, and its sessions must not be left"
            );
            process::abort();
        }
    }));
}
