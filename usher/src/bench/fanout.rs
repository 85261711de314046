//! Fanout: messages to everyone, one at a time and in bursts.
//!
//! One at a time, each delivery takes a system call, and the price of that alone is measured beside
//! it. In bursts a server can write several frames in one call.

use std::time::Duration;

use super::{
    ceiling::{self, Ceiling},
    crowd::{self, CALLERS},
    deliveries::{Deliveries, Draft},
    event::Event,
    fleet::Fleet,
    flow::{self, Measured, Tally, Work},
    load::Load,
    process,
    report::{Figure, Report, Run},
};
use crate::{args::bench::Fanout, failure::Failure};

/// Bytes of a frame's head, for a payload of this length (RFC 6455, section 5.2).
fn frame_bytes(payload: usize) -> usize {
    match payload {
        ..126 => payload + 2,
        126..0x1_0000 => payload + 4,
        _ => payload + 10,
    }
}

/// Measures.
pub(super) fn run(args: &Fanout) -> Result<Report, Failure> {
    let (sessions, size) = (args.sessions, args.message.size());
    process::room_for(sessions)?;
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    crowd::of(&mut load, sessions)?;
    let deliveries = Deliveries::new(sessions, size);
    let mut work = Telling { sessions, outstanding: 1, deliveries };
    let single = flow::measure(&fleet, &mut load, &mut work, &args.plan)?;
    work.outstanding = args.outstanding;
    let bursts = flow::measure(&fleet, &mut load, &mut work, &args.plan)?;
    crowd::disperse(&mut load, &fleet, sessions)?;
    let stays = fleet.figures()?;
    // Their descriptors are needed for what follows.
    drop((load, fleet));
    let most = process::sockets_max()? / 2;
    let frame_bytes = frame_bytes(work.deliveries.text_bytes());
    let ceiling = ceiling::measure(sessions.min(most), frame_bytes)?;
    let mut about = stays;
    about.extend([
        Figure::count("sessions", "sessions", crowd::number(sessions)),
        Figure::bytes("message_bytes", "data of a message", crowd::number(size)),
        Figure::bytes("frame_bytes", "a frame", crowd::number(frame_bytes)),
        Figure::count(
            "ceiling_sockets",
            "sockets of the bare send",
            crowd::number(ceiling.sockets),
        ),
        Figure::real("ceiling_us_per_send", "CPU of a bare send", ceiling.us_each, " us"),
    ]);
    let notes = [&single, &bursts].into_iter().filter_map(|one| one.spent.warning()).collect();
    let runs = vec![
        Run { name: "one at a time".to_owned(), figures: figures(&single, ceiling, 1) },
        Run { name: "bursts".to_owned(), figures: figures(&bursts, ceiling, args.outstanding) },
    ];
    Ok(Report { bench: "fanout", about, runs, notes })
}

fn figures(measured: &Measured, ceiling: Ceiling, outstanding: u64) -> Vec<Figure> {
    let (tally, spent) = (&measured.tally, &measured.spent);
    let us_each = spent.server_us_each(tally.arrived);
    let ratio = us_each.map(|us| us / ceiling.us_each);
    let mut figures = vec![
        Figure::count("outstanding", "under way at once", outstanding),
        Figure::count("messages", "messages", tally.begun),
        Figure::count("deliveries", "delivered", tally.arrived),
        Figure::real(
            "deliveries_per_second",
            "delivered each second",
            spent.per_second(tally.arrived),
            "",
        ),
        // Microseconds for each are seconds for a million.
        Figure::real("server_cpu_s_per_million", "server CPU for a million", us_each, " s"),
        Figure::real("ratio_to_ceiling", "of a bare send", ratio, " x"),
    ];
    figures.extend(spent.redis_each(tally.begun, None));
    measured.with(figures)
}

/// Messages to everyone, so many under way at once.
struct Telling {
    sessions: usize,
    outstanding: u64,
    deliveries: Deliveries,
}

impl Work for Telling {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        // The next call is made only after the answer to the last, so that their order is known.
        // The answer does not wait for the deliveries.
        let room = (self.outstanding - 1) * crowd::number(self.sessions);
        if self.deliveries.calls() > 0 || self.deliveries.missing() > room {
            return Ok(false);
        }
        let Some(caller) = load.free_caller() else { return Ok(false) };
        let front = br#"{"everyone":true,"data":"#;
        let draft = Draft { path: "/v1/messages", front, due };
        self.deliveries.send(load, caller, 0..self.sessions, draft)?;
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
