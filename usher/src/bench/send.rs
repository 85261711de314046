//! Send: HTTP calls, each with a message to one user.
//!
//! At a rate, since how long a message takes depends on how many are under way. Of several nodes
//! first one is called that has a session of the recipient, then one that has none: what lies between
//! is the way from node to node.

use super::{
    crowd::{self, CALLERS},
    everyone::Everyone,
    fleet::Fleet,
    flow::{self, Measured},
    load::Load,
    process,
    redis::Ceiling,
    report::{Figure, Report, Run},
    rest::Rest,
    sending::{Route, Sending},
    toll::Toll,
};
use crate::{args::bench::Send, failure::Failure};

/// Messages a second, unless a rate is given.
const RATE: u32 = 2000;

/// Measures.
pub(super) fn run(args: &Send) -> Result<Report, Failure> {
    let (devices, size, plan) =
        (usize::from(args.devices), args.message.size(), args.plan.or_at(RATE));
    let sessions = args.sessions * devices;
    process::room_for(sessions)?;
    if devices > 1 && devices >= args.nodes.count() {
        return Err(Failure::usage(
            "the devices of a user are on as many nodes, and one more is called: give fewer \
             --devices than --nodes",
        ));
    }
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    crowd::with_devices(&mut load, args.sessions, devices)?;
    let mut work = Sending::new(args.sessions, devices, size, Route::Any);
    if let Some(rate) = args.everyone_rate {
        work.beside(Everyone::new(rate, sessions, size, load.now()));
    }
    let rest = Rest::measure(&fleet, &mut load, plan.rest())?;
    let routes: &[(Route, &str)] = match fleet.is_several() {
        false => &[(Route::Any, "send")],
        true => &[(Route::Home, "one node"), (Route::Elsewhere, "across nodes")],
    };
    let (mut runs, mut notes, mut first) = (Vec::new(), Vec::new(), None);
    for (route, name) in routes {
        work.go(*route);
        let measured = flow::measure(&fleet, &mut load, &mut work, &plan)?;
        let toll = Toll::count(&fleet, &mut load, &mut work, plan.rate)?;
        // With others besides, nobody can tell what each had of it.
        let is_alone = args.everyone_rate.is_none();
        let us_each = measured.spent.server_us_each(measured.tally.begun);
        let mut figures = measured.messages(us_each.filter(|_| is_alone));
        if is_alone {
            figures.extend(measured.spent.redis_each(measured.tally.begun, rest));
            figures.extend(toll.iter().flat_map(Toll::figures));
        }
        figures.extend(added(first.as_ref(), &measured));
        notes.extend(measured.spent.warning());
        runs.push(Run { name: (*name).to_owned(), figures: measured.with(figures) });
        first.get_or_insert(measured);
    }
    crowd::disperse(&mut load, &fleet, sessions)?;
    let mut about = fleet.figures()?;
    about.extend(flow::asked(sessions, size, &plan));
    about.push(Figure::count(
        "everyone_per_second",
        "to everyone besides",
        u64::from(args.everyone_rate.unwrap_or_default()),
    ));
    if let Some(redis) = &fleet.redis {
        about.push(Figure::count("devices", "sessions of a user", crowd::number(devices)));
        about.extend(rest.iter().flat_map(Rest::figures));
        let ceiling = Ceiling::measure(redis, size)?;
        about.extend(ceiling.figures());
        notes.extend(ceiling.warning());
    }
    Ok(Report { bench: "send", about, runs, notes })
}

/// By how much longer it takes than the first.
fn added(first: Option<&Measured>, measured: &Measured) -> Vec<Figure> {
    let Some(first) = first else { return Vec::new() };
    let added = |percent| {
        let (before, after) = (first.tally.within_us(percent), measured.tally.within_us(percent));
        after.zip(before).map(|(after, before)| after - before)
    };
    vec![
        Figure::real("added_p50_us", "added to the median", added(50.0), " us"),
        Figure::real("added_p99_us", "added to 99 of 100", added(99.0), " us"),
    ]
}
