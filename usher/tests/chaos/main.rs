//! Chaos: real nodes, a real Redis and proxies that fail, with a cast that does all that people
//! do, and a checker that holds what everybody saw against what is promised.
//!
//! `cargo test` runs the checker's own tests. What takes minutes is ignored there: `cargo xtask
//! test` has the smoke as a stage of its own, `cargo xtask chaos` runs it for as long as one likes,
//! with what `options` reads from the environment. `docs/proof.md` says what is judged and how.

// Top floor first, as everywhere.
#[cfg(feature = "planted")]
mod bugs;
mod run;
mod options;
mod checker;
mod verdict;
mod cast;
mod races;
mod others;
mod publisher;
mod visitor;
mod speech;
mod socket;
mod stage;
mod ground;
mod slots;
mod node;
mod world;
mod plan;
mod fault;
mod payload;
mod log;
mod caller;
mod shape;
mod gate;
mod way;
mod pushes;
#[path = "../it/guarded.rs"]
mod guarded;
#[path = "../it/cluster.rs"]
mod cluster;
#[path = "../it/redis.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod redis;
#[path = "../it/dice.rs"]
mod dice;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod program;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    options::Options,
    plan::{Plan, Step},
    races::Track,
    run::Run,
    shape::Shape,
    stage::Terms,
    verdict::{Outcome, Verdict},
};

/// Ends the process with the verdict's code, when it has been told.
#[expect(clippy::exit, clippy::print_stdout, reason = "a code tells more than a panic")]
fn tell(verdict: &Verdict, again: &str) {
    println!("{}", verdict.text);
    if verdict.outcome != Outcome::Fine {
        println!("{:?}: {:?}\nthe same plan again: {again}", verdict.outcome, verdict.broken);
        std::process::exit(verdict.outcome.code());
    }
}

#[test]
#[ignore = "takes minutes; `cargo xtask test` runs it as a stage"]
fn smoke() {
    let Options { shape, .. } = Options::read();
    let (faults, time) = fault::smoke(shape);
    let plan = Plan::new(1, shape, &faults, time);
    println!("{}", plan.text());
    let run = Run { plan, times: 1, planted: None, name: format!("smoke-{shape}") };
    tell(&run.judged(), "cargo xtask test --only chaos");
}

#[test]
#[ignore = "takes as long as it is told; `cargo xtask chaos` runs it"]
fn long() {
    let Options { seed, shape, minutes, faults, .. } = Options::read();
    let plan = Plan::new(seed, shape, &faults, Duration::from_secs(minutes * 60));
    println!("{}", plan.text());
    let run = Run { plan, times: 2, planted: None, name: format!("{shape}-{seed}") };
    let again = format!("cargo xtask chaos --engine {shape} --minutes {minutes} --seed {seed}");
    tell(&run.judged(), &again);
}

#[test]
#[ignore = "takes many minutes; `cargo xtask chaos --races` runs it"]
fn races() {
    let Options { seed, shape, races, crowd, .. } = Options::read();
    println!("{races} races of each kind on {shape}, a crowd of {crowd}, seed {seed}");
    let lasts = Duration::from_secs(60);
    let fault = fault::Fault::ListenersKilled;
    let steps = vec![Step { fault, at: 0, lasts, rest: Duration::ZERO }];
    let plan = Plan { seed, shape, steps };
    let run = Run { plan, times: 1, planted: None, name: format!("listeners-{shape}") };
    let again = format!("cargo xtask chaos --engine {shape} --races {races} --seed {seed}");
    tell(&run.judged(), &again);
    let ran = run::block_on(race_all(seed, shape, races, crowd));
    match ran {
        Ok(text) => println!("{text}"),
        Err(verdict) => tell(&verdict, &again),
    }
}

async fn race_all(seed: u64, shape: Shape, races: usize, crowd: usize) -> Result<String, Verdict> {
    const RESUMES: u64 = 250;
    let terms = |resumes| Terms { seed, shape, planted: None, resumes };
    let mut wrong = BTreeMap::new();
    let folder = run::folder(&format!("races-{shape}"));
    let track = Track::build(&folder, terms(stage::RESUMES_PER_SECOND)).await;
    let mut track = track.map_err(Verdict::setup)?;
    wrong.insert("a ticket on all nodes", track.tickets(races).await);
    wrong.insert("a place on two nodes", track.places(races).await);
    let lost = track.tickets_over_a_loss().await.map_err(Verdict::setup)?;
    wrong.insert("a ticket over a loss of Redis", lost);
    track.log.flush();
    drop(track);
    let folder = run::folder(&format!("crowd-{shape}"));
    let mut track = Track::build(&folder, terms(RESUMES)).await.map_err(Verdict::setup)?;
    let came = track.crowd(crowd).await.map_err(Verdict::setup)?;
    track.log.flush();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let bound = Duration::from_secs(7)
        + Duration::from_millis(crowd as u64 * 1_000 / (RESUMES * cores * 2));
    let text = format!(
        "{}
{came:?}, of which {bound:?} is promised",
        races::told(&wrong)
    );
    let is_well = wrong.values().all(Vec::is_empty)
        && came.count == crowd
        && came.back <= bound
        && came.listed <= Duration::from_secs(6);
    match is_well {
        true => Ok(text),
        false => {
            Err(Verdict { outcome: Outcome::Correctness, text, broken: vec!["I1", "I3", "I13"] })
        }
    }
}

#[test]
#[ignore = "reads a log; `cargo xtask chaos --check` runs it"]
fn check() {
    let Some(log) = Options::read().log else { return };
    tell(&run::judge(&log), &format!("cargo xtask chaos --check {}", log.display()));
}

#[test]
#[ignore = "takes minutes; `cargo xtask chaos --planted` runs it"]
#[cfg(feature = "planted")]
fn planted() {
    let mut missed = Vec::new();
    for bug in &bugs::ALL {
        println!("{}", bug.name);
        let verdict = bug.run(Options::read().seed).judged();
        println!("{:?}: {:?}\n{}\n", verdict.outcome, verdict.broken, verdict.text);
        if verdict.outcome == Outcome::Setup || !bug.is_found(&verdict.broken) {
            missed.push(bug.name);
        }
    }
    assert!(missed.is_empty(), "the checker is blind to {missed:?}");
}

#[test]
fn only_a_build_that_asks_for_it_has_planted_bugs() {
    let binary = std::fs::read(program::USHER).expect("it is there");
    let variable = b"USHER_PLANTED";
    let has = binary.windows(variable.len()).any(|part| part == variable);
    assert_eq!(has, cfg!(feature = "planted"));
}
