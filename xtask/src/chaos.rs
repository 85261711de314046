//! Chaos: the tests of the binary in `usher/tests/chaos`, for as long as one likes.
//!
//! They are one test target, whose long tests read from the environment what is to be done; here it
//! is asked for by arguments. Its exit code says how it went, and is passed on: 10 for what was
//! delivered to whom, 11 for somebody who did not come back, 12 for a node that crashed, 13 for a
//! run that could not be made. `docs/proof.md` says what is judged.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    str::FromStr,
};

use crate::{
    program,
    tools::{self, Consent},
};

/// How nodes keep what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Engine {
    /// One server.
    #[default]
    Redis,
    /// A primary with replicas, and Sentinels.
    Sentinel,
    /// A Redis Cluster.
    Cluster,
    /// Several servers.
    Servers,
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Which {
    /// Faults by a seed.
    #[default]
    Long,
    /// Each planted bug, which must be found.
    Planted,
    /// So many races of each kind.
    Races(u32),
    /// A log that is there.
    Check(PathBuf),
}

/// What to run, and how.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Options {
    pub(crate) engine: Engine,
    pub(crate) which: Which,
    pub(crate) minutes: Option<u32>,
    pub(crate) seed: Option<u64>,
    /// Names of faults, with commas between.
    pub(crate) faults: Option<String>,
}

impl Engine {
    const ALL: [Self; 4] = [Self::Redis, Self::Sentinel, Self::Cluster, Self::Servers];

    fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
            Self::Servers => "servers",
        }
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|engine| engine.name() == name);
        found.ok_or_else(|| {
            format!("no engine {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// The environment variable that says how nodes keep what they share.
const ENGINE: &str = "USHER_CHAOS_ENGINE";

/// Runs it; the code that it ended with.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode, String> {
    tools::ensure(Consent::RootOnly)?;
    let (test, features): (_, &[_]) = match options.which {
        Which::Long => ("long", &[]),
        Which::Planted => ("planted", &["--features", "planted"]),
        Which::Races(_) => ("races", &[]),
        Which::Check(_) => ("check", &[]),
    };
    let mut command = cargo(root, features, test);
    command.env(ENGINE, options.engine.name());
    if let Which::Races(races) = options.which {
        command.env("USHER_CHAOS_RACES", races.to_string());
    }
    let minutes = options.minutes.map(|minutes| minutes.to_string());
    let seed = options.seed.map(|seed| seed.to_string());
    for (variable, value) in [
        ("USHER_CHAOS_MINUTES", minutes),
        ("USHER_CHAOS_SEED", seed),
        ("USHER_CHAOS_FAULTS", options.faults.clone()),
    ] {
        command.envs(value.map(|value| (variable, value)));
    }
    if let Which::Check(log) = &options.which {
        let log = std::path::absolute(log).map_err(|e| format!("{}: {e}", log.display()))?;
        command.env("USHER_CHAOS_LOG", log);
    }
    program::code(&mut command).map(ExitCode::from)
}

/// The part that is a stage of `test`: a few minutes, with the same faults each time.
pub(crate) fn smoke(root: &Path) -> Result<(), String> {
    for engine in Engine::ALL {
        program::show(cargo(root, &[], "smoke").env(ENGINE, engine.name()))?;
    }
    Ok(())
}

/// Runs one of the tests that take minutes.
fn cargo(root: &Path, features: &[&str], test: &str) -> Command {
    let mut command = program::cargo();
    command.current_dir(root).args(["test", "--locked", "--package", "usher-server"]);
    command.args(features);
    command.args(["--test", "chaos", "--", "--ignored", "--exact", test, "--nocapture"]);
    command
}
