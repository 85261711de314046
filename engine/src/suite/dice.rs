//! Dice: chance from a seed, the same on every machine (SplitMix64).

use std::{
    env,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Runs of a random test with seeds that are always the same.
const FIXED: u64 = 4;

/// Chance from a seed.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D))
    }

    /// The seeds of one random test: some that stay, and a fresh one; or the one that was asked for.
    /// They are printed before anything can fail.
    #[expect(clippy::print_stderr, reason = "a failing test shows what it printed")]
    pub(super) fn seeds() -> Vec<u64> {
        let asked = env::var("USHER_SUITE_SEED").ok();
        let seeds = match asked.map(|text| text.parse().expect("USHER_SUITE_SEED is a number")) {
            Some(seed) => vec![seed],
            None => (1..=FIXED).chain([RandomState::new().hash_one(FIXED)]).collect(),
        };
        eprintln!("replay with USHER_SUITE_SEED=<one of {seeds:?}>");
        seeds
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("less than a usize")
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of them, unless there is none.
    pub(super) fn any_of<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| self.one_of(of))
    }

    /// Whole milliseconds, less than `ms`.
    pub(super) fn ms(&mut self, ms: usize) -> Duration {
        Duration::from_millis(self.below(ms) as u64)
    }
}
