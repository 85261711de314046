//! Planted: bugs, for tests that must find them.
//!
//! A checker that finds nothing may be blind. So the engine can be built with bugs that somebody
//! might well write, one of which the environment then asks for. Only with the feature `planted`,
//! which no release has; without it nothing of this is compiled.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// The variable that asks for one.
const VARIABLE: &str = "USHER_PLANTED";

/// Of so many notices one is lost.
const LOST_OF: u64 = 25;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Streams and tickets go on as if the primary were the same.
    Epoch,
    /// A notice is lost, and counted as if it had come.
    Notice,
    /// A message is accepted, whatever comes of it.
    Acknowledge,
    /// A node goes on serving sessions that lost their place.
    Fence,
    /// A ticket is good again and again.
    Ticket,
}

static ASKED: LazyLock<Option<Bug>> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).ok()?;
    Some(match name.as_str() {
        "epoch" => Bug::Epoch,
        "notice" => Bug::Notice,
        "acknowledge" => Bug::Acknowledge,
        "fence" => Bug::Fence,
        "ticket" => Bug::Ticket,
        _ => panic!("{VARIABLE}: no bug {name}"),
    })
});

/// Whether this one is asked for.
pub(crate) fn is(bug: Bug) -> bool {
    *ASKED == Some(bug)
}

/// Whether this notice is to be lost.
pub(crate) fn loses_notice() -> bool {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    is(Bug::Notice) && COUNT.fetch_add(1, Ordering::Relaxed) % LOST_OF == LOST_OF - 1
}

/// A script without the look whether the primary is the same.
pub(crate) fn spoilt(script: &str) -> String {
    const LOOK: &str = "if is_same then";
    assert!(script.contains(LOOK), "the script looks in another way");
    match is(Bug::Epoch) {
        true => script.replacen(LOOK, "if known[2] then", 1),
        false => script.to_owned(),
    }
}
