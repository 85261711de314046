//! Crash: one of several nodes is killed, and its sessions come back on the others.
//!
//! All the while messages go to users at random, also to those who are away, and each must arrive
//! once. Nobody calls the API in order to come back. The load is shared out to several processes, so
//! that there may be more sessions than one has descriptors for.

use protocol::limit::LEASE;

use super::{
    crowd,
    fleet::Fleet,
    flow::Tally,
    load::Load,
    meter::{Meter, Spent},
    part::Order,
    parts::{Parts, Sum},
    process,
    report::{Figure, Report, Run},
    rest::Rest,
};
use crate::{args::bench::Storm, failure::Failure};

/// Bytes of `data` in each message.
const MESSAGE_BYTES: usize = 128;

/// Measures.
pub(super) fn run(args: &Storm) -> Result<Report, Failure> {
    let (sessions, nodes) = (args.sessions, args.nodes.count());
    if args.place.tls {
        return Err(Failure::usage("with several nodes storm is measured without --tls"));
    }
    // Those who come back are spread over the others.
    process::room_for(sessions.div_ceil(nodes - 1))?;
    let gate = args.resumes_per_second.to_string();
    let settings = [("USHER_LIMITS__RESUMES_PER_SECOND", &*gate)];
    let mut fleet = Fleet::with(&args.place, &args.nodes, &settings)?;
    let mut load = Load::new(fleet.targets(), nodes)?;
    let rest = Rest::measure(&fleet, &mut load, args.duration.min(LEASE))?;
    let targets = fleet.targets();
    let mut parts = Parts::start(fleet.children()?, &targets, sessions, MESSAGE_BYTES)?;
    let mut runs = Vec::new();

    let empty = fleet.redis.as_ref().map(|redis| redis.read()).transpose()?;
    let meter = Meter::start(&fleet, &load)?;
    parts.gather(&mut load)?;
    let spent = meter.stop(&load)?;
    let full = fleet.redis.as_ref().map(|redis| redis.read()).transpose()?;
    let held = full.zip(empty).map(|(full, empty)| (full - empty).used_bytes);
    runs.push(Run { name: "all come".to_owned(), figures: came(sessions, &spent, held, rest) });

    let rate = (args.rate / u32::try_from(parts.count()).unwrap_or(u32::MAX)).max(1);
    let meter = Meter::start(&fleet, &load)?;
    parts.order(Order::Send { rate, time: args.duration })?;
    let sum = parts.done(&mut load)?;
    let spent = meter.stop(&load)?;
    let mut figures = sent(&sum, &spent);
    figures.extend(spent.redis_each(sum.outcome.messages, rest));
    figures.extend(sum.sent.latencies());
    figures.extend(spent.figures());
    runs.push(Run { name: "all are there".to_owned(), figures });

    let node = nodes - 1;
    let mut about = fleet.figures()?;
    parts.order(Order::Lose { node, rate })?;
    parts.ready(&mut load)?;
    fleet.kill(node);
    let meter = Meter::start(&fleet, &load)?;
    let sum = parts.done(&mut load)?;
    let spent = meter.stop(&load)?;
    let name = format!("{} is killed", fleet.lost().unwrap_or("a node"));
    runs.push(Run { name, figures: back(&sum, &spent) });

    about.extend([
        Figure::count("sessions", "sessions", crowd::number(sessions)),
        Figure::count("load_processes", "processes of the load", crowd::number(parts.count())),
        Figure::count(
            "gate_per_second",
            "its gate, for each shard",
            u64::from(args.resumes_per_second),
        ),
        Figure::count("rate_per_second", "messages asked for", u64::from(args.rate)),
    ]);
    about.extend(rest.iter().flat_map(Rest::figures));
    Ok(Report { bench: "storm", about, runs, notes: Vec::new() })
}

fn came(sessions: usize, spent: &Spent, held: Option<u64>, rest: Option<Rest>) -> Vec<Figure> {
    let count = crowd::number(sessions);
    let us_each = spent.server_us_each(count);
    let mut figures = vec![
        Figure::count("welcomed", "welcomed", count),
        Figure::real("connects_per_second", "each second", spent.per_second(count), ""),
        Figure::real("server_us_per_session", "server CPU for each session", us_each, " us"),
    ];
    let each = held.and_then(|held| held.checked_div(count));
    let bytes = |each| Figure::bytes("redis_bytes_per_session", "in Redis, for each", each);
    figures.extend(each.map(bytes));
    figures.extend(spent.redis_each(count, rest));
    figures.extend(spent.figures());
    figures
}

fn sent(sum: &Sum, spent: &Spent) -> Vec<Figure> {
    vec![
        Figure::count("messages", "messages", sum.outcome.messages),
        Figure::count("deliveries", "delivered", sum.outcome.deliveries),
        Figure::real(
            "messages_per_second",
            "messages each second",
            spent.per_second(sum.outcome.messages),
            "",
        ),
    ]
}

fn back(sum: &Sum, spent: &Spent) -> Vec<Figure> {
    let (outcome, away) = (&sum.outcome, sum.outcome.away.as_secs_f64());
    let mut figures = sent(sum, spent);
    let within = |tally: &Tally, percent| tally.within_us(percent);
    figures.extend([
        Figure::real("meanwhile_p50_us", "their latency, median", within(&sum.sent, 50.0), " us"),
        Figure::real("meanwhile_p99_us", "99 of 100 within", within(&sum.sent, 99.0), " us"),
        Figure::count("resumed", "back as the same session", outcome.resumed),
        Figure::count("replayed", "messages they had missed", outcome.replayed),
        Figure::count("refused", "told to come later", outcome.refused),
        Figure::real("all_back_seconds", "all were back after", away, " s"),
    ]);
    // From a socket's end to its session's welcome.
    figures.extend(sum.back.latencies());
    figures.extend(spent.figures());
    figures
}
