//! The command line, word by word.

use super::{
    Cases, Command, Consent, Stage, chaos,
    fuzz::{Options, Sanitizer},
    parse,
};

fn check(line: &str, expected: Result<Command, &str>) {
    let got = parse(line.split_whitespace().map(Into::into));
    match (got, expected) {
        (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{line}"),
        (Err(got), Err(expected)) => assert!(got.contains(expected), "{line}: {got}"),
        (got, expected) => panic!("{line}: got {got:?}, expected {expected:?}"),
    }
}

#[test]
fn each_command_is_read_with_its_options() {
    check("floors", Ok(Command::Floors));
    check("tidy", Ok(Command::Tidy));
    check("help", Ok(Command::Help));
    check("test --help", Ok(Command::Help));
    check("test", Ok(Command::Test { only: vec![], consent: Consent::RootOnly }));
    check(
        "test --only fmt --install --only docs",
        Ok(Command::Test { only: vec![Stage::Fmt, Stage::Docs], consent: Consent::Given }),
    );
    check("autobahn", Ok(Command::Autobahn { cases: Cases::All }));
    check("autobahn --cases limits", Ok(Command::Autobahn { cases: Cases::Limits }));
    let chart = Command::Chart { report: "idle.json".into(), picture: "idle.svg".into() };
    check("chart idle.json idle.svg", Ok(chart));
    check("chart idle.json", Err("missing argument"));
    check("chaos", Ok(Command::Chaos(chaos::Options::default())));
    check(
        "chaos --engine cluster --minutes 3 --seed 7 --faults rolling,flushed",
        Ok(Command::Chaos(chaos::Options {
            engine: chaos::Engine::Cluster,
            minutes: Some(3),
            seed: Some(7),
            faults: Some("rolling,flushed".to_owned()),
            ..chaos::Options::default()
        })),
    );
    let check_log = chaos::Which::Check("log.jsonl".into());
    let options = chaos::Options { which: check_log, ..chaos::Options::default() };
    check("chaos --check log.jsonl", Ok(Command::Chaos(options)));
    check("fuzz", Ok(Command::Fuzz(Options::default())));
    check(
        "fuzz codec --seconds 20 --sanitizer address --install",
        Ok(Command::Fuzz(Options {
            target: Some("codec".to_owned()),
            seconds: 20,
            sanitizer: Sanitizer::Address,
            consent: Consent::Given,
        })),
    );
}

#[test]
fn what_is_not_understood_is_said() {
    check("", Err("which command"));
    check("tidi", Err("no command tidi"));
    check("--only fmt", Err("--only"));
    check("tidy --install", Err("--install"));
    check("test --only everything", Err("everything"));
    check("autobahn --cases deflate", Err("deflate"));
    check("chaos --engine files", Err("files"));
    check("chaos --everything", Err("everything"));
    check("fuzz --sanitizer thread", Err("thread"));
    check("fuzz codec frame", Err("frame"));
    check("floors now", Err("now"));
}
