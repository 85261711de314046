//! Soak: a bit of everything for a long time.
//!
//! Messages to users at random; sessions that lose their socket and resume, that leave and are
//! followed by new ones, that stop reading until they are parked. Every message is looked for all
//! the while, and the server is looked at every few seconds: if its memory or its descriptors grow,
//! it will not run for a month.

mod crew;

use std::time::Duration;

use serde_json::json;

use self::crew::{Counts, Crew};
use super::{
    crowd::{self, CALLERS},
    fleet::Fleet,
    load::{Load, Wait},
    meter::Meter,
    pace::Pace,
    process::{self, Process},
    progress::Progress,
    report::{Figure, Report, Run},
    trend::{self, Point},
};
use crate::{
    args::bench::{Nodes, Soak},
    failure::{Failure, Kind},
};

/// From one slow reader to the next.
const SLOW_EVERY: Duration = Duration::from_secs(3);

/// How long everybody may take to be back and have everything, at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks that do not count for the slope: until messages, spent tickets and ended sessions of the
/// beginning are forgotten, memory grows as it should. At most a third of the time.
const FILLING: Duration = Duration::from_secs(300);

/// A look at the server.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Duration,
    resident_bytes: u64,
    descriptors: u64,
}

/// Measures.
pub(super) fn run(args: &Soak) -> Result<Report, Failure> {
    let sessions = args.sessions;
    process::room_for(sessions)?;
    let fleet = Fleet::of(&args.place, &Nodes::default())?;
    let Some(process) = fleet.nodes[0].process else {
        return Err(Failure::usage("memory can be told of a process on this machine; give --pid"));
    };
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    load.narrow();
    let standings = crowd::of(&mut load, sessions)?;
    let mut crew = Crew::new(standings);
    let meter = Meter::start(&fleet, &load)?;
    let looks = watch(&mut load, &mut crew, process, args)?;
    let spent = meter.stop(&load)?;
    crowd::disperse(&mut load, &fleet, sessions)?;
    let mut about = fleet.figures()?;
    about.extend([
        Figure::count("sessions", "sessions", crowd::number(sessions)),
        Figure::count("rate_per_second", "messages asked for", u64::from(args.rate)),
        Figure::count("churn_per_second", "sessions that come and go", u64::from(args.churn)),
    ]);
    let mut figures = figures(&looks, args.duration);
    figures.extend(counts(crew.counts()));
    figures.extend(spent.figures());
    let runs = vec![Run { name: "soak".to_owned(), figures }];
    let filling = (args.duration < 3 * FILLING).then(|| {
        "in so short a time memory is still filling with what is kept for some minutes: how fast it \
         grows says nothing"
            .to_owned()
    });
    Ok(Report { bench: "soak", about, runs, notes: filling.into_iter().collect() })
}

/// Does everything at its pace, until the time is over and all is in order again.
fn watch(
    load: &mut Load,
    crew: &mut Crew,
    process: Process,
    args: &Soak,
) -> Result<Vec<Look>, Failure> {
    let start = load.now();
    let end = start + args.duration;
    let progress = Progress::until(args.duration, "soaking");
    let mut sends = Pace::new(Some(args.rate), start);
    let mut churn = Pace::new(Some(args.churn), start);
    let mut slow = Pace::every(SLOW_EVERY, start);
    let mut looking = Pace::every(args.every, start);
    let mut looks = Vec::new();
    let clock = load.clock();
    loop {
        let now = load.now();
        let is_over = now >= end;
        if is_over && crew.is_even() {
            looks.push(look(process, now - start)?);
            return Ok(looks);
        }
        if now > end + PATIENCE {
            crew.settle()?;
            return Err(Failure::new(Kind::TimedOut, "not everybody got back in time"));
        }
        if looking.take(now) {
            looks.push(look(process, now - start)?);
            progress.passed(now - start);
        }
        while !is_over && sends.take(now) {
            crew.send(load)?;
        }
        while !is_over && churn.take(now) {
            crew.shake(load);
        }
        if !is_over && slow.take(now) {
            crew.slow_down(load);
        }
        crew.act(load)?;
        let paces = [&sends, &churn, &slow, &looking].map(|pace| pace.next(now));
        let next = paces.into_iter().chain(crew.wake_at()).min().unwrap_or(now);
        // What is overdue when all is over stays so.
        let until = if is_over { now + Duration::from_millis(10) } else { next };
        load.turn(Wait::Until(until), |event| crew.told(event, clock.now()))?;
    }
}

fn look(process: Process, at: Duration) -> Result<Look, Failure> {
    let resident_bytes = process.resident_bytes()?;
    Ok(Look { at, resident_bytes, descriptors: process.descriptors()? })
}

fn figures(looks: &[Look], duration: Duration) -> Vec<Figure> {
    let filling = FILLING.min(duration / 3);
    let slope = |of: fn(&Look) -> u64| {
        let counted = looks.iter().filter(|look| look.at >= filling);
        let points: Vec<Point> = counted
            .map(|look| Point { at_s: look.at.as_secs_f64(), value: of(look) as f64 })
            .collect();
        trend::slope(&points).map(|per_second| per_second * 3600.0)
    };
    let series: Vec<_> = looks
        .iter()
        .map(|look| {
            json!({
                "at_ms": u64::try_from(look.at.as_millis()).unwrap_or(u64::MAX),
                "rss_bytes": look.resident_bytes,
                "descriptors": look.descriptors,
            })
        })
        .collect();
    let most = looks.iter().map(|look| look.resident_bytes).max().unwrap_or_default();
    let last = looks.last().map_or(0, |look| look.resident_bytes);
    vec![
        Figure::count("looks", "looks", crowd::number(looks.len())),
        Figure::bytes("rss_max_bytes", "resident at most", most),
        Figure::bytes("rss_last_bytes", "resident at the end", last),
        Figure::real(
            "rss_slope_kib_per_hour",
            "memory grows by",
            slope(|look| look.resident_bytes).map(|bytes| bytes / 1024.0),
            " KiB/h",
        ),
        Figure::real(
            "descriptors_slope_per_hour",
            "descriptors grow by",
            slope(|look| look.descriptors),
            " /h",
        ),
        Figure::series("series", json!(series)),
    ]
}

fn counts(counts: Counts) -> [Figure; 6] {
    [
        Figure::count("messages", "messages", counts.sent),
        Figure::count("deliveries", "delivered", counts.delivered),
        Figure::count("resumed", "resumed", counts.resumed),
        Figure::count("replaced", "left and came anew", counts.renewed),
        Figure::count("slow", "parked for reading too slowly", counts.slow),
        Figure::count("refused", "told to come later", counts.refused),
    ]
}
