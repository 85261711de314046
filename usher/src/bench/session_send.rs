//! Session send: messages from sessions to users, without and with a copy for the sender's other
//! session.
//!
//! Each sender has a recipient of its own, and a second session that gets the copies. So the order
//! in which each receives is known, and a message without a copy is one delivery, one with it two.

use std::time::Duration;

use super::{
    crowd::{self, CALLERS, Way},
    dice::Dice,
    event::Event,
    fleet::Fleet,
    flow::{self, Measured, Tally, Work},
    ledger::Ledger,
    load::Load,
    process,
    report::{Figure, Report, Run},
    rest::Rest,
    stamp::Stamp,
};
use crate::{args::bench::SessionSend, failure::Failure};

/// Messages a second, unless a rate is given.
const RATE: u32 = 5000;

/// Measures.
pub(super) fn run(args: &SessionSend) -> Result<Report, Failure> {
    let senders = (args.sessions / 3).max(1);
    let (sessions, size, plan) = (3 * senders, args.message.size(), args.plan.or_at(RATE));
    process::room_for(sessions)?;
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    // Of several nodes sender, recipient and the sender's other session have one each.
    for session in 0..sessions {
        load.move_to(session, (session % senders + session / senders) % load.nodes());
    }
    crowd::gather(&mut load, 0, &bodies(senders), Way::Home)?;
    let rest = Rest::measure(&fleet, &mut load, plan.rest())?;
    let mut alone = Sending::new(senders, size, Echo::Off);
    let off = flow::measure(&fleet, &mut load, &mut alone, &plan)?;
    let mut copied = Sending::new(senders, size, Echo::On);
    let on = flow::measure(&fleet, &mut load, &mut copied, &plan)?;
    crowd::disperse(&mut load, &fleet, sessions)?;
    let mut about = fleet.figures()?;
    about.extend(flow::asked(sessions, size, &plan));
    about.extend(rest.iter().flat_map(Rest::figures));
    let notes = [&off, &on].into_iter().filter_map(|one| one.spent.warning()).collect();
    let runs = vec![
        Run { name: "echo off".to_owned(), figures: figures(&off, rest) },
        Run { name: "echo on".to_owned(), figures: figures(&on, rest) },
    ];
    Ok(Report { bench: "session-send", about, runs, notes })
}

/// What asks for tickets: of those who send, then of those who receive, then of the senders' other
/// sessions.
fn bodies(senders: usize) -> Vec<String> {
    let ticket = |user: usize, send: &str| {
        serde_json::json!({"user": crowd::user(user), "send": send}).to_string()
    };
    let first = (0..senders).map(|sender| ticket(sender, "any"));
    let recipients = (senders..2 * senders).map(|recipient| ticket(recipient, "none"));
    let others = (0..senders).map(|sender| ticket(sender, "none"));
    first.chain(recipients).chain(others).collect()
}

fn figures(measured: &Measured, rest: Option<Rest>) -> Vec<Figure> {
    let (tally, spent) = (&measured.tally, &measured.spent);
    let mut figures = measured.messages(spent.server_us_each(tally.begun));
    let us_each = spent.server_us_each(tally.arrived);
    figures.push(Figure::real(
        "server_us_per_delivery",
        "server CPU for each delivery",
        us_each,
        " us",
    ));
    figures.extend(spent.redis_each(tally.begun, rest));
    measured.with(figures)
}

/// Whether the sender's other session gets a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    Off,
    On,
}

/// Messages of senders at random.
#[derive(Debug)]
struct Sending {
    senders: usize,
    size: usize,
    echo: Echo,
    /// Of all sessions.
    ledger: Ledger,
    dice: Dice,
}

impl Sending {
    fn new(senders: usize, size: usize, echo: Echo) -> Self {
        Self { senders, size, echo, ledger: Ledger::new(3 * senders), dice: Dice::new() }
    }
}

impl Work for Sending {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        // Without a rate, as many at once as there are senders.
        if self.ledger.under_way() >= crowd::number(self.senders) {
            return Ok(false);
        }
        let sender = self.dice.below(self.senders);
        let (recipient, other) = (sender + self.senders, sender + 2 * self.senders);
        let stamp = Stamp { number: self.ledger.sent(recipient), due };
        let user = crowd::user(recipient);
        let mut frame = format!(r#"{{"type":"send","user":"{user}","data":"#).into_bytes();
        stamp.write(self.size, &mut frame);
        match self.echo {
            Echo::Off => frame.extend_from_slice(br#","echo":false}"#),
            Echo::On => {
                self.ledger.sent(other);
                frame.extend_from_slice(br#","echo":true}"#);
            }
        }
        load.say(sender, &frame);
        Ok(true)
    }

    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure> {
        match event {
            Event::Text { session, text } => {
                let stamp = crowd::stamp(session, text, self.size)?;
                self.ledger.came(session, stamp.number)?;
                tally.arrived(stamp.due, now);
            }
            Event::Closed { session, end } => return Err(crowd::lost(session, end)),
            Event::Answered { .. } | Event::Welcomed { .. } => {}
        }
        Ok(())
    }

    fn under_way(&self) -> u64 {
        self.ledger.under_way()
    }

    fn settle(&self) -> Result<(), Failure> {
        self.ledger.settle()
    }
}
