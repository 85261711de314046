//! A small cluster in one thread on virtual time: three nodes of two shards, one registry, late mail,
//! late and lost answers, devices that come, go without a word, read slowly and try old tickets, a
//! backend that repeats itself, ends and blocks, clocks that are set back. Everything that happens is
//! chosen by a seed, which is printed first: `USHER_SIM_SEED=7 cargo test -p usher-kernel --test sim`
//! plays one again, `USHER_SIM_SEEDS=1000` more of them.
#![expect(clippy::unwrap_used, reason = "a simulation stops at what cannot be")]

mod faults;
mod play;
mod world;
mod device;
mod oracle;
mod socket;
mod wire;
mod told;
mod fault;
mod log;
mod clock;
mod dice;

use log::Log;
use play::{play, play_all};

const SEEDS: u64 = 200;
const STEPS: usize = 10_000;

fn seeds() -> Vec<u64> {
    let asked = |name| std::env::var(name).ok().map(|n| n.parse().expect("a number"));
    match asked("USHER_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked("USHER_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

#[test]
fn every_promise_is_kept_whatever_happens() {
    let seeds = seeds();
    let told = play_all(&seeds, STEPS);
    println!("{told}");
    if seeds.len() as u64 >= SEEDS {
        told.is_worth_something(seeds.len() / 2);
    }
}

#[test]
fn a_seed_plays_the_same_again() {
    let [first, second] = [(), ()].map(|()| play(7, 4000, None, Log::aloud(usize::MAX)));
    let parts = first.log.lines().zip(second.log.lines()).find(|(one, other)| one != other);
    assert_eq!(parts, None, "the same seed plays otherwise");
    assert_eq!(first.log.lines().count(), second.log.lines().count());
    assert!(first.log.lines().count() > 4000, "hardly anything happened");
    let silent = play(7, 4000, None, Log::Silent);
    assert_eq!(first.oracle.told, silent.oracle.told, "whether it is written down changes it");
}
