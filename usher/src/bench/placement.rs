//! Placement: users with several devices on several nodes, and what it saves to connect where tickets
//! say.
//!
//! Each user's sessions connect to any node first, as behind a load balancer, and then to the first
//! of the `urls` in their tickets. Messages come by any node, since a backend knows none.

use std::time::Duration;

use super::{
    caller::Call,
    crowd::{self, CALLERS, Way},
    dice::Dice,
    event::Event,
    fleet::Fleet,
    flow,
    load::{Load, Wait},
    process,
    report::{Figure, Report, Run},
    rest::Rest,
    sending::{Route, Sending},
    toll::Toll,
};
use crate::{
    args::bench::Placement,
    failure::{Failure, Kind},
};

/// Messages a second, unless a rate is given.
const RATE: u32 = 1000;

/// Nodes, unless their number is given.
const NODES: u16 = 3;

/// Sessions for whose tickets all nodes must name the same places before it begins.
const ASKED: usize = 24;

/// Nodes that a ticket names, where there are so many.
const NAMED: usize = 3;

/// How long they may take to hear of each other, and how long to wait before they are asked again.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// Measures.
pub(super) fn run(args: &Placement) -> Result<Report, Failure> {
    let nodes = args.nodes.or(NODES);
    nodes.want_several("placement")?;
    let (users, devices) = (args.users, usize::from(args.devices));
    let (sessions, size, plan) = (users * devices, args.message.size(), args.plan.or_at(RATE));
    process::room_for(sessions)?;
    let fleet = Fleet::of(&args.place, &nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    let rest = Rest::measure(&fleet, &mut load, plan.rest())?;
    let mut dice = Dice::new();
    for session in 0..sessions {
        let node = dice.below(load.nodes());
        load.move_to(session, node);
    }
    let bodies: Vec<String> =
        (0..sessions).map(|session| crowd::ticket_for(&crowd::user(session / devices))).collect();
    agree(&mut load, &bodies[..bodies.len().min(ASKED)])?;
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for (way, name) in [(Way::Home, "any node"), (Way::AsTold, "as tickets say")] {
        crowd::gather(&mut load, 0, &bodies, way)?;
        let mut work = Sending::new(users, devices, size, Route::Any);
        let measured = flow::measure(&fleet, &mut load, &mut work, &plan)?;
        let (tally, spent) = (&measured.tally, &measured.spent);
        let on_one = (0..users).filter(|user| {
            let mut homes = (user * devices..(user + 1) * devices).map(|one| load.home(one));
            let first = homes.next();
            homes.all(|home| Some(home) == first)
        });
        let percent = |part: u64, all: u64| (all > 0).then(|| part as f64 * 100.0 / all as f64);
        let on_one = percent(crowd::number(on_one.count()), crowd::number(users));
        let stayed = percent(work.stayed(), work.sent());
        let toll = Toll::count(&fleet, &mut load, &mut work, plan.rate)?;
        let mut figures = measured.messages(spent.server_us_each(tally.begun));
        figures.extend([
            Figure::real("users_on_one_node_percent", "users all on one node", on_one, " %"),
            Figure::real("sends_on_one_node_percent", "sends that stay on one", stayed, " %"),
        ]);
        figures.extend(toll.iter().flat_map(Toll::figures));
        figures.extend(spent.redis_each(tally.begun, rest));
        notes.extend(spent.warning());
        runs.push(Run { name: name.to_owned(), figures: measured.with(figures) });
        crowd::leave(&mut load, 0..sessions)?;
    }
    let mut about = fleet.figures()?;
    about.extend(flow::asked(sessions, size, &plan));
    about.push(Figure::count("devices", "sessions of a user", crowd::number(devices)));
    about.extend(rest.iter().flat_map(Rest::figures));
    Ok(Report { bench: "placement", about, runs, notes })
}

/// Returns when all nodes know of each other, and so name the same places.
fn agree(load: &mut Load, bodies: &[String]) -> Result<(), Failure> {
    let until = load.now() + PATIENCE;
    while load.now() < until {
        let mut said = Vec::new();
        for node in 0..load.nodes() {
            let of_one: Result<Vec<_>, _> =
                bodies.iter().map(|body| places(load, node, body)).collect();
            said.push(of_one?);
        }
        // Nodes that have heard of nobody yet are of one mind as well.
        let named = NAMED.min(load.nodes());
        let is_told = said.iter().flatten().all(|urls| urls.len() >= named);
        if is_told && said.windows(2).all(|two| two[0] == two[1]) {
            return Ok(());
        }
        let look = load.now() + LOOK;
        while load.now() < look {
            load.turn(Wait::Until(look), |_| Ok(()))?;
        }
    }
    Err(Failure::new(Kind::TimedOut, "the nodes do not agree where users should connect"))
}

/// Where a node says that a user should connect.
fn places(load: &mut Load, node: usize, body: &str) -> Result<Vec<String>, Failure> {
    let caller = load.free_caller_at(node).ok_or_else(|| Failure::failed("no caller is free"))?;
    load.call(caller, Call::post("/v1/tickets", body.as_bytes()))?;
    let (mut urls, until) = (None, load.now() + PATIENCE);
    while urls.is_none() && load.now() < until {
        load.turn(Wait::Until(until), |event| {
            if let Event::Answered { status, body, .. } = event {
                urls = Some(crowd::ticket(status, body)?.urls);
            }
            Ok(())
        })?;
    }
    urls.ok_or_else(|| Failure::new(Kind::TimedOut, "a node does not answer"))
}
