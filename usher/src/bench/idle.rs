//! Idle: what a session costs that does nothing.
//!
//! Some sessions are opened before the first look, so that what is there once is not counted for
//! each. Then more come, and at several points on the way each of them gets a message and says
//! something, memory is left to settle, and is looked at. Several points, because tables grow by
//! doubling: a single one could be just before or just after. With more rounds than one, all of them
//! leave and others come: what is not given back would be there once more.

use std::time::Duration;

use serde_json::json;

use super::{
    caller::Call,
    crowd::{self, CALLERS},
    event::Event,
    load::{Load, Wait},
    node::Node,
    process::{self, Process},
    progress::Progress,
    report::{Figure, Report, Run},
};
use crate::{args::bench::Idle, failure::Failure};

/// Sessions before the first look.
const WARM_UP: usize = 200;

/// How often memory is looked at while it settles, and how many equal looks mean that it has.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const EQUAL_LOOKS: u32 = 5;

/// How long everybody may take to get a message, and to be answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// One look at memory.
#[derive(Debug, Clone)]
struct Look {
    name: String,
    sessions: usize,
    resident_bytes: u64,
}

/// Measures.
pub(super) fn run(args: &Idle) -> Result<Report, Failure> {
    let total = WARM_UP + args.sessions;
    process::room_for(total)?;
    let node = Node::of(&args.place)?;
    let Some(process) = node.process else {
        return Err(Failure::usage("memory can be told of a process on this machine; give --pid"));
    };
    let mut load = Load::new(node.target.clone(), CALLERS)?;
    let bodies: Vec<String> =
        (0..total).map(|number| crowd::ticket_for(&crowd::user(number))).collect();
    let mut looks = Vec::new();
    let mut there = 0;
    for until in points(args.sessions, usize::from(args.checkpoints)) {
        come(&mut load, there, &bodies[there..until])?;
        there = until;
        let sessions = there - WARM_UP;
        let resident_bytes = settled(&mut load, process, args.settle)?;
        looks.push(Look { name: sessions.to_string(), sessions, resident_bytes });
    }
    for round in 2..=args.rounds {
        crowd::leave(&mut load, WARM_UP..total)?;
        let resident_bytes = settled(&mut load, process, args.settle)?;
        looks.push(Look { name: format!("gone, {}", round - 1), sessions: 0, resident_bytes });
        come(&mut load, WARM_UP, &bodies[WARM_UP..])?;
        let (name, sessions) = (format!("{}, {round}", args.sessions), args.sessions);
        let resident_bytes = settled(&mut load, process, args.settle)?;
        looks.push(Look { name, sessions, resident_bytes });
    }
    if args.rounds > 1 {
        crowd::leave(&mut load, WARM_UP..total)?;
        let name = format!("gone, {}", args.rounds);
        let resident_bytes = settled(&mut load, process, args.settle)?;
        looks.push(Look { name, sessions: 0, resident_bytes });
    }
    crowd::disperse(&mut load, &node, total)?;
    Ok(report(&node, &looks))
}

/// Sessions from `first` on come, and everybody says something.
fn come(load: &mut Load, first: usize, bodies: &[String]) -> Result<(), Failure> {
    crowd::gather(load, first, bodies)?;
    say_something(load, first + bodies.len())
}

/// How many sessions there are at each look; the first is without those that are measured.
fn points(sessions: usize, checkpoints: usize) -> Vec<usize> {
    let mut points: Vec<usize> =
        (0..=checkpoints).map(|point| WARM_UP + sessions * point / checkpoints).collect();
    points.dedup();
    points
}

/// A message for everybody, and a frame from each that is answered.
fn say_something(load: &mut Load, sessions: usize) -> Result<(), Failure> {
    let body = json!({"everyone": true, "data": "are you there?"}).to_string();
    let caller = load.free_caller().ok_or_else(|| Failure::failed("no caller is free"))?;
    load.call(caller, Call::post("/v1/messages", body.as_bytes()))?;
    for session in 0..sessions {
        load.say(session, br#"{"type":"ping"}"#);
    }
    let (mut messages, mut pongs, mut is_answered) = (0, 0, false);
    let until = load.now() + PATIENCE;
    while messages < sessions || pongs < sessions || !is_answered {
        if load.now() > until {
            let text = format!("of {sessions} sessions {messages} got a message, {pongs} a pong");
            return Err(Failure::failed(text));
        }
        load.turn(Wait::Until(until), |event| {
            match event {
                Event::Text { text, .. } if text == br#"{"type":"pong"}"# => pongs += 1,
                Event::Text { .. } => messages += 1,
                Event::Answered { status: 200, .. } => is_answered = true,
                Event::Answered { status, body, .. } => return Err(crowd::refused(status, body)),
                Event::Closed { session, end } => return Err(crowd::lost(session, end)),
                Event::Welcomed { .. } => {}
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Resident memory when it has stopped changing, or the time for that is over.
fn settled(load: &mut Load, process: Process, wait: Duration) -> Result<u64, Failure> {
    let until = load.now() + wait;
    let (mut last, mut equal) = (process.resident_bytes()?, 0);
    let progress = Progress::until(wait, "settling");
    let start = load.now();
    while equal < EQUAL_LOOKS && load.now() < until {
        let next = load.now() + LOOK_EVERY;
        // Sessions go on answering pings meanwhile.
        while load.now() < next {
            load.turn(Wait::Until(next), |event| match event {
                Event::Closed { session, end } => Err(crowd::lost(session, end)),
                Event::Text { .. } | Event::Answered { .. } | Event::Welcomed { .. } => Ok(()),
            })?;
        }
        let now = process.resident_bytes()?;
        equal = if now == last { equal + 1 } else { 0 };
        last = now;
        progress.passed(load.now() - start);
    }
    Ok(last)
}

fn report(node: &Node, looks: &[Look]) -> Report {
    let mut about = node.figures();
    let mut runs = Vec::new();
    if let [first, rest @ ..] = looks {
        about.push(Figure::bytes("rss_before_bytes", "resident before", first.resident_bytes));
        runs = rest.iter().map(|look| run_of(first, look)).collect();
    }
    Report { bench: "idle", about, runs, notes: Vec::new() }
}

fn run_of(first: &Look, look: &Look) -> Run {
    let grown = look.resident_bytes.saturating_sub(first.resident_bytes);
    let sessions = crowd::number(look.sessions);
    let mut figures = vec![
        Figure::count("sessions", "sessions", sessions),
        Figure::bytes("rss_bytes", "resident", look.resident_bytes),
    ];
    if let Some(each) = grown.checked_div(sessions) {
        figures.push(Figure::bytes("bytes_per_session", "each session", each));
    }
    Run { name: look.name.clone(), figures }
}

#[cfg(test)]
mod tests;
