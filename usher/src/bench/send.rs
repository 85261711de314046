//! Send: HTTP calls, each with a message to one user.
//!
//! At a rate, since how long a message takes depends on how many are under way. A user gets the
//! next one only when the last has arrived, so that their order is known. Messages to everyone may go
//! beside them, to see how much those delay the others.

use std::time::Duration;

use super::{
    crowd::{self, CALLERS},
    deliveries::{Deliveries, Draft},
    dice::Dice,
    event::Event,
    everyone::Everyone,
    flow::{self, Tally, Work},
    load::Load,
    node::Node,
    process,
    report::{Figure, Report, Run},
};
use crate::{args::bench::Send, failure::Failure};

/// Messages a second, unless a rate is given.
const RATE: u32 = 2000;

/// How often another recipient is looked for, where the last message to one is still under way.
const LOOKS: usize = 8;

/// Measures.
pub(super) fn run(args: &Send) -> Result<Report, Failure> {
    process::room_for(args.sessions)?;
    let (sessions, size, plan) = (args.sessions, args.message.size(), args.plan.or_at(RATE));
    let node = Node::of(&args.place)?;
    let mut load = Load::new(node.target.clone(), CALLERS)?;
    crowd::of(&mut load, sessions)?;
    let mut work = Sending {
        paths: (0..sessions).map(path).collect(),
        deliveries: Deliveries::new(sessions, size),
        dice: Dice::new(),
        everyone: args.everyone_rate.map(|rate| Everyone::new(rate, sessions, size, load.now())),
    };
    let measured = flow::measure(&node, &mut load, &mut work, &plan)?;
    crowd::disperse(&mut load, &node, sessions)?;
    let (tally, spent) = (&measured.tally, &measured.spent);
    let mut about = node.figures();
    about.extend([
        Figure::count("sessions", "sessions", crowd::number(sessions)),
        Figure::bytes("message_bytes", "data of a message", crowd::number(size)),
        Figure::count(
            "rate_per_second",
            "rate asked for",
            u64::from(plan.rate.unwrap_or_default()),
        ),
        Figure::count(
            "everyone_per_second",
            "to everyone besides",
            u64::from(args.everyone_rate.unwrap_or_default()),
        ),
    ]);
    // With others besides, nobody can tell what each had of it.
    let us_each = spent.server_us_each(tally.begun).filter(|_| args.everyone_rate.is_none());
    let mut figures = vec![
        Figure::count("messages", "messages", tally.begun),
        Figure::count("deliveries", "delivered", tally.arrived),
        Figure::real(
            "messages_per_second",
            "messages each second",
            spent.per_second(tally.begun),
            "",
        ),
        Figure::real("server_us_per_message", "server CPU for each message", us_each, " us"),
    ];
    figures.extend(tally.latencies());
    figures.extend(spent.figures());
    let runs = vec![Run { name: "send".to_owned(), figures }];
    Ok(Report { bench: "send", about, runs, notes: spent.warning().into_iter().collect() })
}

fn path(number: usize) -> String {
    format!("/v1/users/{}/messages", crowd::user(number))
}

/// Messages to users at random.
struct Sending {
    paths: Vec<String>,
    deliveries: Deliveries,
    dice: Dice,
    everyone: Option<Everyone>,
}

impl Work for Sending {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        let Self { dice, deliveries, paths, everyone } = self;
        if let Some(everyone) = everyone {
            everyone.act(load)?;
        }
        let Some(caller) = load.free_caller() else { return Ok(false) };
        let mut looks = (0..LOOKS).map(|_| dice.below(paths.len()));
        let Some(one) = looks.find(|one| deliveries.is_even(*one)) else { return Ok(false) };
        let draft = Draft { path: &paths[one], front: br#"{"data":"#, due };
        deliveries.send(load, caller, [one], draft)?;
        Ok(true)
    }

    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure> {
        match self.everyone.as_mut().filter(|everyone| everyone.is_meant(&event)) {
            Some(everyone) => everyone.told(event, now),
            None => self.deliveries.told(event, now, tally),
        }
    }

    fn under_way(&self) -> u64 {
        self.deliveries.under_way() + self.everyone.as_ref().map_or(0, Everyone::under_way)
    }

    fn settle(&self) -> Result<(), Failure> {
        self.everyone.as_ref().map_or(Ok(()), Everyone::settle)?;
        self.deliveries.settle()
    }
}
