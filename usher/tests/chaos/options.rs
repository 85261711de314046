//! Options: what the environment asks for. `cargo xtask chaos` sets it by its arguments.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    str::FromStr,
};

use crate::{
    fault::{self, Fault},
    shape::Shape,
};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) minutes: u64,
    /// Faults to draw from.
    pub(crate) faults: Vec<Fault>,
    /// Races of each kind, and sessions of a node that dies.
    pub(crate) races: usize,
    pub(crate) crowd: usize,
    /// A log to judge.
    pub(crate) log: Option<PathBuf>,
}

impl Options {
    pub(crate) fn read() -> Self {
        let fresh = || RandomState::new().build_hasher().finish() >> 32;
        let faults = env::var("USHER_CHAOS_FAULTS").ok();
        let named = faults.map(|names| {
            let named = names.split(',').map(|name| name.parse::<Fault>());
            named.collect::<Result<_, _>>().unwrap_or_else(|why| panic!("{why}"))
        });
        let engine = env::var("USHER_CHAOS_ENGINE").unwrap_or_else(|_| "redis".to_owned());
        let shape = engine.parse().unwrap_or_else(|why| panic!("{why}"));
        Self {
            shape,
            seed: number("USHER_CHAOS_SEED").unwrap_or_else(fresh),
            minutes: number("USHER_CHAOS_MINUTES").unwrap_or(10),
            faults: named.unwrap_or_else(|| fault::all_of(shape)),
            races: number("USHER_CHAOS_RACES").unwrap_or(10_000),
            crowd: number("USHER_CHAOS_CROWD").unwrap_or(5_000),
            log: env::var_os("USHER_CHAOS_LOG").map(PathBuf::from),
        }
    }
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}
