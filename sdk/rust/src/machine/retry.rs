//! Retry: how long to wait before the next try.
//!
//! A server that restarts loses all its sessions in the same instant. If each of them came back
//! after a fixed time they would do so in the same instant too, so the whole wait is random
//! ("full jitter"). It grows with each failure, up to a bound; it never gives up.
//!
//! A server that wants a new ticket is there. That it was not there before is no reason to wait long
//! for the ticket; that it wanted one again and again is.

use std::time::Duration;

use crate::pace::Pace;

/// Random numbers from a seed that is handed in (SplitMix64). They spread waits; nothing is secret.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

/// How often it failed, and so how long to wait.
#[derive(Debug)]
pub(super) struct Retry {
    failures: u32,
    /// How often a server was there and wanted a new ticket.
    answers: u32,
    dice: Dice,
}

impl Retry {
    pub(super) fn new(seed: u64) -> Self {
        Self { failures: 0, answers: 0, dice: Dice(seed) }
    }

    /// All was well for a while.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
        self.answers = 0;
    }

    /// A server is there, and wants a new ticket. Only such answers count from here.
    pub(super) fn answered(&mut self) {
        self.failures = self.answers;
        self.answers = self.answers.saturating_add(1);
    }

    /// Counts a failure; tells how long to wait.
    pub(super) fn failed(&mut self, pace: &Pace) -> Duration {
        let doubled = pace.retry_base.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.jitter(doubled.min(pace.retry_max))
    }

    /// A random time of at most that.
    pub(super) fn jitter(&mut self, most: Duration) -> Duration {
        let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.dice.below(most_ms.saturating_add(1)))
    }
}
