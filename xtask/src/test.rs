//! Test: every stage that a change must pass.
//!
//! The same stages in the same order at a desk and in CI, so that neither knows a failure that the
//! other cannot show. Cheap stages come first; a failing stage does not stop the later ones, since
//! one run should tell all. The last line counts the stages, alone, for whoever reads only that.
//!
//! Not here: what a stage judges.

use std::{path::Path, str::FromStr, time::Duration};

use crate::{
    chaos,
    clock::Watch,
    fault, floors, program, tidy,
    tools::{self, Consent},
    tree::Tree,
};

/// The environment variable by which tests find the Python with their packages.
const PYTHON_VARIABLE: &str = "USHER_TEST_PYTHON";

/// One stage, cheap ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Is the code formatted?
    Fmt,
    /// Do crates depend on lower floors only?
    Floors,
    /// Is the tree tidy?
    Tidy,
    /// Is clippy silent?
    Clippy,
    /// Do the tests pass, doc tests among them?
    Test,
    /// Can the docs be built without a warning?
    Docs,
    /// Does the engine keep its contract on each shape of Redis?
    Shapes,
    /// Does a fleet keep its promises when things fail?
    Chaos,
}

impl Stage {
    const ALL: [Self; 8] = [
        Self::Fmt,
        Self::Floors,
        Self::Tidy,
        Self::Clippy,
        Self::Test,
        Self::Docs,
        Self::Shapes,
        Self::Chaos,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Floors => "floors",
            Self::Tidy => "tidy",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Shapes => "shapes",
            Self::Chaos => "chaos",
            Self::Docs => "docs",
        }
    }

    /// Whether it starts Cargo, and so needs what builds and tests need.
    fn uses_cargo(self) -> bool {
        !matches!(self, Self::Floors | Self::Tidy)
    }

    fn run(self, root: &Path) -> Result<(), String> {
        let cargo = |arguments: &str| {
            let mut command = program::cargo();
            command.current_dir(root).args(arguments.split(' '));
            command
        };
        match self {
            Self::Fmt => program::show(&mut cargo("fmt --all --check")),
            Self::Floors => clean(fault::tell("floors", &floors::faults(&Tree::read(root)?))),
            Self::Tidy => clean(fault::tell("tidy", &tidy::faults(&Tree::read(root)?))),
            Self::Clippy => program::show(&mut cargo(
                "clippy --workspace --all-targets --all-features --locked -- -D warnings",
            )),
            Self::Test => program::show(
                cargo("test --workspace --all-features --locked --no-fail-fast")
                    .env(PYTHON_VARIABLE, tools::test_python(root)?),
            ),
            // Alone and one after the other: their windows are short, and they start many servers.
            Self::Shapes => program::show(&mut cargo(
                "test -p usher-engine --all-features --locked --lib -- --ignored --test-threads 1 \
                 the_contract_holds",
            )),
            Self::Chaos => chaos::smoke(root),
            Self::Docs => program::show(
                cargo("doc --workspace --no-deps --locked").env("RUSTDOCFLAGS", "-D warnings"),
            ),
        }
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|stage| stage.name() == name);
        found.ok_or_else(|| format!("no stage {name}; there are {}", names().join(", ")))
    }
}

/// How a stage went.
struct Outcome {
    stage: Stage,
    time: Duration,
    result: Result<(), String>,
}

/// Runs the stages asked for, or all where none is; whether all passed.
pub(crate) fn run(root: &Path, only: &[Stage], consent: Consent) -> Result<bool, String> {
    let asked = |stage: &Stage| only.is_empty() || only.contains(stage);
    let stages: Vec<Stage> = Stage::ALL.into_iter().filter(asked).collect();
    if stages.iter().any(|stage| stage.uses_cargo()) {
        tools::ensure(consent)?;
    }
    let mut outcomes = Vec::new();
    for stage in stages {
        println!("\n== {}", stage.name());
        let watch = Watch::start();
        let result = stage.run(root);
        let outcome = Outcome { stage, time: watch.elapsed(), result };
        println!("== {}", row(&outcome));
        outcomes.push(outcome);
    }
    println!("\n{}", summary(&outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.result.is_ok()))
}

/// The table of stages and, alone on the last line, how many passed.
fn summary(outcomes: &[Outcome]) -> String {
    let rows = outcomes.iter().map(|outcome| row(outcome) + "\n").collect::<String>();
    let passed = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    format!("{rows}\n{passed} passed, {} failed", outcomes.len() - passed)
}

fn row(outcome: &Outcome) -> String {
    let result = match &outcome.result {
        Ok(()) => "ok".to_owned(),
        Err(why) => format!("FAILED: {why}"),
    };
    format!("{:<8}{:>8.1} s  {result}", outcome.stage.name(), outcome.time.as_secs_f64())
}

fn clean(is_clean: bool) -> Result<(), String> {
    if is_clean { Ok(()) } else { Err("faults above".to_owned()) }
}

fn names() -> [&'static str; 8] {
    Stage::ALL.map(Stage::name)
}

#[cfg(test)]
mod tests;
