//! Fuzz: the fuzzers of `server/fuzz`, each for a while.
//!
//! They are a workspace of their own, built by cargo-fuzz. It takes the versions of the workspace's
//! lock file, so that what is tried is what is built. Some flags that it needs are kept from stable
//! Rust; one variable lets them through, so no other tool chain has to be there.
//!
//! A run starts from the seeds, which are committed, and from what earlier runs found to reach new
//! code, which is not. Without a sanitizer it tries many times as much; the code itself has no
//! `unsafe`, so one is for the libraries under it. Not part of `test`: it takes the time that it is
//! given. The same properties are tried on the seeds by `server/src/fuzzing/tests.rs`.

use std::{fs, path::Path, str::FromStr};

use crate::{
    program,
    tools::{self, Consent},
};

/// The crate that has them.
const CRATE: &str = "server";

/// How long each runs where nothing is said.
pub(crate) const SECONDS: u32 = 300;

/// Bytes of one input: more than a request head may have.
const INPUT_BYTES_MAX: u32 = 20_000;

/// Seconds for one input: far more than any takes.
const INPUT_SECONDS_MAX: u32 = 5;

/// Memory, in MiB: many times what the fuzzers take.
const MEMORY_MIB_MAX: u32 = 1024;

/// What watches over memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sanitizer {
    None,
    Address,
}

/// What to run, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// All where none is named.
    pub(crate) target: Option<String>,
    /// For each target.
    pub(crate) seconds: u32,
    pub(crate) sanitizer: Sanitizer,
    pub(crate) consent: Consent,
}

impl Default for Options {
    fn default() -> Self {
        let consent = Consent::RootOnly;
        Self { target: None, seconds: SECONDS, sanitizer: Sanitizer::None, consent }
    }
}

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Address => "address",
        }
    }
}

impl FromStr for Sanitizer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = [Self::None, Self::Address].into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| format!("no sanitizer {name}; there are none, address"))
    }
}

/// Runs the fuzzers; whether none found anything.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool, String> {
    let folder = root.join(CRATE).join("fuzz");
    let targets = chosen(targets(&folder)?, options.target.as_deref())?;
    tools::ensure_fuzzer(options.consent)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))
        .map_err(|e| format!("the lock file cannot be copied: {e}"))?;
    let mut failed = Vec::new();
    for target in targets {
        println!("\n== {target}, {} s", options.seconds);
        if let Err(why) = run_one(root, &target, options) {
            println!("== {target}: {why}");
            failed.push(target);
        }
    }
    match failed.as_slice() {
        [] => println!("\nnothing was found"),
        _ => println!(
            "\nfound something: {}; the inputs are in server/fuzz/artifacts",
            failed.join(", ")
        ),
    }
    Ok(failed.is_empty())
}

fn run_one(root: &Path, target: &str, options: &Options) -> Result<(), String> {
    let home = root.join(CRATE);
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(home.join(&corpus)).map_err(|e| format!("{corpus}: {e}"))?;
    let mut command = program::cargo();
    command.current_dir(&home).env("RUSTC_BOOTSTRAP", "1");
    command.args(["fuzz", "run", "--sanitizer", options.sanitizer.name()]);
    // Beside what the workspace builds, and as little to be looked through by others.
    command.arg("--target-dir").arg(root.join("target/fuzz"));
    // What is found to reach new code goes into the first folder.
    command.args([target, &corpus, &format!("fuzz/seeds/{target}"), "--"]);
    command.args([
        format!("-dict=fuzz/dictionaries/{target}.dict"),
        format!("-max_total_time={}", options.seconds),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        "-print_final_stats=1".to_owned(),
    ]);
    program::show(&mut command)
}

/// The names of all fuzzers, in order.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let folder = folder.join("fuzz_targets");
    let told = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(told)? {
        let name = entry.map_err(told)?.file_name();
        names.extend(name.to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn chosen(targets: Vec<String>, wanted: Option<&str>) -> Result<Vec<String>, String> {
    match wanted {
        None => Ok(targets),
        Some(name) if targets.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(format!("no target {name}; there are {}", targets.join(", "))),
    }
}

#[cfg(test)]
mod tests;
