//! xtask: what the project asks of itself, as commands.
//!
//! A rule that no machine checks is a wish. The floors between crates, the order of modules, the
//! words in names and the tests of all parts are run from here, the same way at a desk and in CI.
//! It is a program of the workspace and not a pile of scripts, so that the rules are compiled,
//! linted and tested like the code that they judge.
//!
//! Must not know: any other crate of this workspace, beyond its files.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
mod test;
mod autobahn;
mod chaos;
mod fuzz;
mod chart;
mod tools;
mod tidy;
mod floors;
mod manifest;
mod modules;
mod outline;
mod source;
mod tree;
mod fault;
mod program;
mod clock;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use crate::{autobahn::Cases, test::Stage, tools::Consent, tree::Tree};

const USAGE: &str = "\
cargo xtask floors    crates depend on lower floors only
cargo xtask tidy      module order, names, sizes, links, dead files
cargo xtask test      all that a change must pass, cheap stages first
    --only STAGE      only this one; may be repeated: fmt floors tidy clippy test docs shapes chaos
    --install         may use sudo to install what tests need
cargo xtask autobahn  the WebSocket conformance suite; needs Python 2.7
    --cases CASES     core, limits or all
cargo xtask chaos     real nodes and a real Redis, faults, and a checker; exits with 10 if something
                      was lost or wrong, 11 if not all came back, 12 for a crash, 13 if not run
    --engine KIND     redis, sentinel, cluster or servers
    --minutes N       of faults; 10 if not given
    --seed S          the same plan of faults again
    --faults NAMES    only these, with commas between
    --planted         builds in known bugs instead, each of which must be found
    --races N         N races of each kind instead, and 5,000 sessions whose node dies
    --check LOG       judges the log of a run again
cargo xtask fuzz [TARGET]  looks for inputs that break a promise; needs cargo-fuzz
    --seconds N       for each target; 300 if not given
    --sanitizer NAME  none or address
    --install         may install cargo-fuzz, and use sudo for a C++ compiler
cargo xtask chart REPORT PICTURE  an SVG of what `usher bench idle -o json` said
cargo xtask help      this";

/// What the command line asked for.
#[derive(Debug, PartialEq)]
enum Command {
    Floors,
    Tidy,
    Test { only: Vec<Stage>, consent: Consent },
    Autobahn { cases: Cases },
    Chaos(chaos::Options),
    Fuzz(fuzz::Options),
    Chart { report: PathBuf, picture: PathBuf },
    Help,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(why) => {
            eprintln!("xtask: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::from(2)
        }
    }
}

/// How it went; an error where the question could not even be asked.
fn run(command: Command) -> Result<ExitCode, String> {
    let root = tree::root();
    let is_well = match command {
        Command::Floors => Ok(fault::tell("floors", &floors::faults(&Tree::read(&root)?))),
        Command::Tidy => Ok(fault::tell("tidy", &tidy::faults(&Tree::read(&root)?))),
        Command::Test { only, consent } => test::run(&root, &only, consent),
        Command::Autobahn { cases } => autobahn::run(&root, cases),
        Command::Chaos(options) => return chaos::run(&root, &options),
        Command::Fuzz(options) => fuzz::run(&root, &options),
        Command::Chart { report, picture } => chart::run(&report, &picture),
        Command::Help => {
            println!("{USAGE}");
            Ok(true)
        }
    };
    is_well.map(|is_well| if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    read(lexopt::Parser::from_args(arguments)).map_err(|e| e.to_string())
}

fn read(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::{Arg, ValueExt};

    let mut command = match parser.next()? {
        Some(Arg::Value(name)) => match name.to_str() {
            Some("floors") => Command::Floors,
            Some("tidy") => Command::Tidy,
            Some("test") => Command::Test { only: Vec::new(), consent: Consent::RootOnly },
            Some("autobahn") => Command::Autobahn { cases: Cases::All },
            Some("chaos") => Command::Chaos(chaos::Options::default()),
            Some("fuzz") => Command::Fuzz(fuzz::Options::default()),
            Some("chart") => {
                Command::Chart { report: parser.value()?.into(), picture: parser.value()?.into() }
            }
            Some("help") => Command::Help,
            _ => return Err(format!("no command {}", name.to_string_lossy()).into()),
        },
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
        Some(other) => return Err(other.unexpected()),
        None => return Err("which command?".into()),
    };
    while let Some(argument) = parser.next()? {
        match (&mut command, argument) {
            (_, Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
            (Command::Test { consent, .. }, Arg::Long("install")) => *consent = Consent::Given,
            (Command::Test { only, .. }, Arg::Long("only")) => {
                only.push(parser.value()?.parse()?);
            }
            (Command::Autobahn { cases }, Arg::Long("cases")) => {
                *cases = parser.value()?.parse()?;
            }
            (Command::Chaos(options), Arg::Long(name)) => {
                let name = name.to_owned();
                take(options, &name, &mut parser)?;
            }
            (Command::Fuzz(options), Arg::Value(name)) if options.target.is_none() => {
                options.target = Some(name.string()?);
            }
            (Command::Fuzz(options), Arg::Long("seconds")) => {
                options.seconds = parser.value()?.parse()?;
            }
            (Command::Fuzz(options), Arg::Long("sanitizer")) => {
                options.sanitizer = parser.value()?.parse()?;
            }
            (Command::Fuzz(options), Arg::Long("install")) => options.consent = Consent::Given,
            (_, other) => return Err(other.unexpected()),
        }
    }
    Ok(command)
}

/// Reads an option of `chaos`.
fn take(
    options: &mut chaos::Options,
    name: &str,
    parser: &mut lexopt::Parser,
) -> Result<(), lexopt::Error> {
    use lexopt::ValueExt;

    match name {
        "engine" => options.engine = parser.value()?.parse()?,
        "minutes" => options.minutes = Some(parser.value()?.parse()?),
        "seed" => options.seed = Some(parser.value()?.parse()?),
        "faults" => options.faults = Some(parser.value()?.string()?),
        "planted" => options.which = chaos::Which::Planted,
        "races" => options.which = chaos::Which::Races(parser.value()?.parse()?),
        "check" => options.which = chaos::Which::Check(parser.value()?.into()),
        _ => return Err(format!("no option --{name} of chaos").into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
