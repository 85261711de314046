//! A small cluster in one thread on virtual time: two nodes of two shards, one registry, late mail,
//! late answers, devices that come, go, read slowly and try old tickets. Everything that happens is
//! chosen by a seed, which is printed first: `USHER_SIM_SEED=7 cargo test -p usher-kernel --test sim`
//! plays one again, `USHER_SIM_SEEDS=1000` more of them.
#![expect(clippy::unwrap_used, reason = "a simulation stops at what cannot be")]

mod device;
mod dice;
mod oracle;
mod wire;
mod world;

use world::{Fault, World};

const SEEDS: u64 = 200;
const STEPS: usize = 10_000;

fn seeds() -> Vec<u64> {
    let asked = |name| std::env::var(name).ok().map(|n| n.parse().expect("a number"));
    match asked("USHER_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked("USHER_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

/// Plays one seed; returns what the oracle has to say.
fn play(seed: u64, steps: usize, fault: Option<Fault>) -> World {
    let mut world = World::new(seed, fault);
    for step in 0..steps {
        world.step();
        if step % 500 == 499 {
            world.come_to_rest();
        }
        if !world.oracle.blames.is_empty() {
            return world;
        }
    }
    world.all_come_back();
    world.all_end();
    world
}

#[test]
fn every_promise_is_kept_whatever_happens() {
    let mut told = oracle::Told::default();
    for seed in seeds() {
        println!("seed {seed}");
        let world = play(seed, STEPS, None);
        let log = || world.log.join("\n");
        assert!(world.oracle.blames.is_empty(), "{}\n{:#?}", log(), world.oracle.blames);
        told.add(&world.oracle.told);
    }
    println!("{told:?}");
    if std::env::var("USHER_SIM_SEED").is_err() {
        told.is_worth_something();
    }
}

#[test]
fn the_oracle_sees_a_fault() {
    for fault in Fault::ALL {
        let seen = (1..=10).any(|seed| !play(seed, STEPS, Some(fault)).oracle.blames.is_empty());
        assert!(seen, "{fault:?} was not seen");
    }
}
