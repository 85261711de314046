//! Idle: what a session costs that does nothing.
//!
//! Some sessions are opened before the first look, so that what is there once is not counted for
//! each. Then more come, and at several points on the way each of them gets a message and says
//! something, memory is left to settle, and is looked at. Several points, because tables grow by
//! doubling: a single one could be just before or just after. With more rounds than one, all of them
//! leave and others come: what is not given back would be there once more.

use std::time::Duration;

use protocol::limit::LEASE;
use serde_json::json;

use super::{
    caller::Call,
    crowd::{self, CALLERS, Way},
    event::Event,
    fleet::Fleet,
    load::{Load, Wait},
    process::{self, Process},
    progress::Progress,
    redis::Redis,
    report::{Figure, Report, Run},
    rest::Rest,
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
    held: Held,
}

/// Memory of all nodes, and of the Redis that they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    resident_bytes: u64,
    redis_bytes: Option<u64>,
}

/// Measures.
pub(super) fn run(args: &Idle) -> Result<Report, Failure> {
    let total = WARM_UP + args.sessions;
    process::room_for(total)?;
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let Some(processes) = fleet.processes() else {
        return Err(Failure::usage("memory can be told of a process on this machine; give --pid"));
    };
    let settled = |load: &mut Load| {
        let resident_bytes = settled(load, &processes, args.settle)?;
        let reading = fleet.redis.as_ref().map(Redis::read).transpose()?;
        Ok::<_, Failure>(Held {
            resident_bytes,
            redis_bytes: reading.map(|reading| reading.used_bytes),
        })
    };
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    let bodies: Vec<String> =
        (0..total).map(|number| crowd::ticket_for(&crowd::user(number))).collect();
    let mut looks = Vec::new();
    let mut there = 0;
    for until in points(args.sessions, usize::from(args.checkpoints)) {
        come(&mut load, there, &bodies[there..until])?;
        there = until;
        let sessions = there - WARM_UP;
        let held = settled(&mut load)?;
        looks.push(Look { name: sessions.to_string(), sessions, held });
    }
    for round in 2..=args.rounds {
        crowd::leave(&mut load, WARM_UP..total)?;
        let held = settled(&mut load)?;
        looks.push(Look { name: format!("gone, {}", round - 1), sessions: 0, held });
        come(&mut load, WARM_UP, &bodies[WARM_UP..])?;
        let (name, sessions) = (format!("{}, {round}", args.sessions), args.sessions);
        let held = settled(&mut load)?;
        looks.push(Look { name, sessions, held });
    }
    if args.rounds > 1 {
        crowd::leave(&mut load, WARM_UP..total)?;
        let name = format!("gone, {}", args.rounds);
        let held = settled(&mut load)?;
        looks.push(Look { name, sessions: 0, held });
    }
    let rest = Rest::measure(&fleet, &mut load, LEASE)?;
    crowd::disperse(&mut load, &fleet, total)?;
    let mut about = fleet.figures()?;
    about.extend(rest.iter().flat_map(Rest::figures));
    Ok(report(about, &looks))
}

/// Sessions from `first` on come, and everybody says something.
fn come(load: &mut Load, first: usize, bodies: &[String]) -> Result<(), Failure> {
    crowd::gather(load, first, bodies, Way::Home)?;
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
fn settled(load: &mut Load, processes: &[Process], wait: Duration) -> Result<u64, Failure> {
    let until = load.now() + wait;
    let (mut last, mut equal) = (resident_bytes(processes)?, 0);
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
        let now = resident_bytes(processes)?;
        equal = if now == last { equal + 1 } else { 0 };
        last = now;
        progress.passed(load.now() - start);
    }
    Ok(last)
}

fn report(mut about: Vec<Figure>, looks: &[Look]) -> Report {
    let mut runs = Vec::new();
    if let [first, rest @ ..] = looks {
        let Held { resident_bytes, redis_bytes } = first.held;
        about.push(Figure::bytes("rss_before_bytes", "resident before", resident_bytes));
        let bytes = |bytes| Figure::bytes("redis_before_bytes", "in Redis before", bytes);
        about.extend(redis_bytes.map(bytes));
        runs = rest.iter().map(|look| run_of(first, look)).collect();
    }
    Report { bench: "idle", about, runs, notes: Vec::new() }
}

fn run_of(first: &Look, look: &Look) -> Run {
    let sessions = crowd::number(look.sessions);
    let each = |after: u64, before: u64| after.saturating_sub(before).checked_div(sessions);
    let mut figures = vec![
        Figure::count("sessions", "sessions", sessions),
        Figure::bytes("rss_bytes", "resident", look.held.resident_bytes),
    ];
    let here = each(look.held.resident_bytes, first.held.resident_bytes);
    figures.extend(here.map(|each| Figure::bytes("bytes_per_session", "each session", each)));
    if let Some((after, before)) = look.held.redis_bytes.zip(first.held.redis_bytes) {
        figures.push(Figure::bytes("redis_bytes", "in Redis", after));
        let bytes = |each| Figure::bytes("redis_bytes_per_session", "each session", each);
        figures.extend(each(after, before).map(bytes));
    }
    Run { name: look.name.clone(), figures }
}

/// What several processes hold.
fn resident_bytes(processes: &[Process]) -> Result<u64, Failure> {
    processes.iter().map(|process| process.resident_bytes()).sum()
}

#[cfg(test)]
mod tests;
