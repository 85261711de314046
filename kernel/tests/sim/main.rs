//! A small cluster in one thread on virtual time: two nodes of two shards, one registry, late mail,
//! late answers, devices that come, go, read slowly and try old tickets. Everything that happens is
//! chosen by a seed, which is printed first: `USHER_SIM_SEED=7 cargo test -p usher-kernel --test sim`
//! plays one again.

mod device;
mod dice;
mod oracle;
mod wire;
mod world;

use world::{Fault, World};

const SEEDS: u64 = 1500;
const STEPS: usize = 3000;

fn seeds() -> Vec<u64> {
    match std::env::var("USHER_SIM_SEED") {
        Ok(seed) => vec![seed.parse().expect("USHER_SIM_SEED is a number")],
        Err(_) => (1..=SEEDS).collect(),
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
    for fault in [
        Fault::LoseMessage,
        Fault::LoseEnd,
        Fault::SwapMail,
        Fault::ForgetPark,
        Fault::SendTwice,
        Fault::SkipGap,
    ] {
        let seen = seeds().into_iter().take(10).any(|seed| {
            let world = play(seed, STEPS, Some(fault));
            !world.oracle.blames.is_empty()
        });
        assert!(seen, "{fault:?} was not seen");
    }
}
