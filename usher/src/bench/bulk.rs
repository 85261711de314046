//! Bulk: HTTP calls, each with a message to many users, one call after another.

use std::time::Duration;

use super::{
    crowd::{self, CALLERS},
    deliveries::{Deliveries, Draft},
    event::Event,
    fleet::Fleet,
    flow::{self, Tally, Work},
    load::Load,
    process,
    report::{Figure, Report, Run},
    rest::Rest,
};
use crate::{args::bench::Bulk, failure::Failure};

/// Measures.
pub(super) fn run(args: &Bulk) -> Result<Report, Failure> {
    let (users, size) = (usize::from(args.users), args.message.size());
    process::room_for(users)?;
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    crowd::of(&mut load, users)?;
    let rest = Rest::measure(&fleet, &mut load, args.plan.rest())?;
    let mut work = Calling::new(users, size)?;
    let measured = flow::measure(&fleet, &mut load, &mut work, &args.plan)?;
    crowd::disperse(&mut load, &fleet, users)?;
    let (tally, spent) = (&measured.tally, &measured.spent);
    let mut about = fleet.figures()?;
    about.extend([
        Figure::count("users_per_call", "users in a call", crowd::number(users)),
        Figure::bytes("message_bytes", "data of a message", crowd::number(size)),
    ]);
    let mut figures = vec![
        Figure::count("calls", "calls", tally.begun),
        Figure::count("deliveries", "delivered", tally.arrived),
        Figure::real(
            "deliveries_per_second",
            "delivered each second",
            spent.per_second(tally.arrived),
            "",
        ),
        Figure::real(
            "server_us_per_user",
            "server CPU for each user",
            spent.server_us_each(tally.arrived),
            " us",
        ),
    ];
    figures.extend(spent.redis_each(tally.arrived, rest));
    about.extend(rest.iter().flat_map(Rest::figures));
    let runs = vec![Run { name: "bulk".to_owned(), figures: measured.with(figures) }];
    Ok(Report { bench: "bulk", about, runs, notes: spent.warning().into_iter().collect() })
}

/// Messages to all of so many users, one at a time.
struct Calling {
    /// The body of a call up to its data.
    front: Vec<u8>,
    users: usize,
    deliveries: Deliveries,
}

impl Calling {
    fn new(users: usize, size: usize) -> Result<Self, Failure> {
        let names: Vec<String> = (0..users).map(crowd::user).collect();
        let names = serde_json::to_string(&names).map_err(Failure::failed)?;
        let front = format!(r#"{{"users":{names},"data":"#).into_bytes();
        Ok(Self { front, users, deliveries: Deliveries::new(users, size) })
    }
}

impl Work for Calling {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        if self.under_way() > 0 {
            return Ok(false);
        }
        let Some(caller) = load.free_caller() else { return Ok(false) };
        let draft = Draft { path: "/v1/messages", front: &self.front, due };
        self.deliveries.send(load, caller, 0..self.users, draft)?;
        Ok(true)
    }

    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure> {
        self.deliveries.told(event, now, tally)
    }

    fn under_way(&self) -> u64 {
        self.deliveries.under_way()
    }

    fn settle(&self) -> Result<(), Failure> {
        self.deliveries.settle()
    }
}
