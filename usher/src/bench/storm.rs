//! Storm: all sessions lose their sockets at once, and come back.
//!
//! While they are away each of them is sent a message, which it must get when it is back: the same
//! session, with the same token, without a new ticket. The server's gate lets so many back in a
//! second; the others are told when to come, and do.

use std::time::Duration;

use super::{
    arrivals::Arrivals,
    caller::Call,
    crash,
    crowd::{self, CALLERS, Standing},
    event::Event,
    fleet::Fleet,
    flow::Tally,
    ledger::Ledger,
    load::{Load, Wait},
    meter::Meter,
    process,
    progress::Progress,
    report::{Figure, Report, Run},
    session::Proof,
    stamp::{self, Stamp},
};
use crate::{
    args::bench::Storm,
    failure::{Failure, Kind},
};

/// Handshakes under way at once: somewhat fewer than a listener lets wait, since what is beyond
/// that is dropped by the operating system and tried again by it a second later.
const AT_ONCE: usize = 3000;

/// Users in one call.
const USERS_PER_CALL: usize = 1000;

/// How often the server's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long all may take to be back, beyond what the gate alone takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures.
pub(super) fn run(args: &Storm) -> Result<Report, Failure> {
    if args.nodes.count() > 1 {
        return crash::run(args);
    }
    let sessions = args.sessions;
    process::room_for(sessions)?;
    let rate = args.resumes_per_second.to_string();
    let fleet =
        Fleet::with(&args.place, &args.nodes, &[("USHER_LIMITS__RESUMES_PER_SECOND", &rate)])?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    let standings = crowd::of(&mut load, sessions)?;
    let before = resident_bytes(&fleet)?;
    for session in 0..sessions {
        load.lose(session);
    }
    let mut ledger = Ledger::new(sessions);
    send_to_all(&mut load, sessions, &mut ledger)?;
    let calls = load.calls();
    let meter = Meter::start(&fleet, &load)?;
    let back = come_back(&mut load, &fleet, &standings, ledger)?;
    let spent = meter.stop(&load)?;
    let calls = load.calls() - calls;
    crowd::disperse(&mut load, &fleet, sessions)?;
    let mut about = fleet.figures()?;
    about.push(Figure::count("sessions", "sessions", crowd::number(sessions)));
    if !fleet.stays() {
        let rate = u64::from(args.resumes_per_second);
        about.push(Figure::count("gate_per_second", "its gate, for each shard", rate));
    }
    let count = back.tally.arrived;
    let mut figures = vec![
        Figure::count("resumed", "back as the same session", count),
        Figure::count("replayed", "messages they had missed", back.replayed),
        Figure::count("refused", "told to come later", back.refused),
        Figure::count("calls", "calls of the API meanwhile", calls),
        Figure::real("resumes_per_second", "back each second", spent.per_second(count), ""),
        Figure::real(
            "server_us_per_resume",
            "server CPU for each",
            spent.server_us_each(count),
            " us",
        ),
    ];
    if let (Some(before), Some(peak)) = (before, back.peak_bytes) {
        figures.push(Figure::bytes("rss_before_bytes", "resident before", before));
        figures.push(Figure::bytes("rss_peak_bytes", "resident at most", peak));
    }
    figures.extend(back.tally.latencies());
    figures.extend(spent.figures());
    let runs = vec![Run { name: "storm".to_owned(), figures }];
    Ok(Report { bench: "storm", about, runs, notes: spent.warning().into_iter().collect() })
}

/// What the server holds, if its process is known.
fn resident_bytes(fleet: &Fleet) -> Result<Option<u64>, Failure> {
    fleet.nodes[0].process.map(process::Process::resident_bytes).transpose()
}

/// Sends each user a message, while nobody has a socket.
fn send_to_all(load: &mut Load, sessions: usize, ledger: &mut Ledger) -> Result<(), Failure> {
    let all: Vec<usize> = (0..sessions).collect();
    for part in all.chunks(USERS_PER_CALL) {
        let users: Vec<String> = part.iter().map(|user| crowd::user(*user)).collect();
        let users = serde_json::to_string(&users).map_err(Failure::failed)?;
        let mut number = 0;
        for session in part {
            number = ledger.sent(*session);
        }
        let mut body = format!(r#"{{"users":{users},"data":"#).into_bytes();
        Stamp { number, due: load.now() }.write(stamp::BYTES_MIN, &mut body);
        body.push(b'}');
        let caller = load.free_caller().ok_or_else(|| Failure::failed("no caller is free"))?;
        load.call(caller, Call::post("/v1/messages", &body))?;
        let (mut is_answered, until) = (false, load.now() + PATIENCE);
        while !is_answered && load.now() < until {
            load.turn(Wait::Until(until), |event| {
                match event {
                    Event::Answered { status: 200, .. } => is_answered = true,
                    Event::Answered { status, body, .. } => {
                        return Err(crowd::refused(status, body));
                    }
                    Event::Closed { .. } | Event::Text { .. } | Event::Welcomed { .. } => {}
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// How they came back.
struct Back {
    ledger: Ledger,
    arrivals: Arrivals,
    tally: Tally,
    start: Duration,
    replayed: u64,
    refused: u64,
    peak_bytes: Option<u64>,
}

fn come_back(
    load: &mut Load,
    fleet: &Fleet,
    standings: &[Standing],
    ledger: Ledger,
) -> Result<Back, Failure> {
    let mut arrivals = Arrivals::new(AT_ONCE);
    for (session, standing) in standings.iter().enumerate() {
        arrivals.add(session, Proof::Resume(standing.token, standing.position));
    }
    let start = load.now();
    let (tally, replayed, refused) = (Tally::new(), 0, 0);
    let mut back = Back { ledger, arrivals, tally, start, replayed, refused, peak_bytes: None };
    let progress = Progress::of(crowd::number(standings.len()), "coming back");
    let clock = load.clock();
    let mut look = start;
    while !back.arrivals.is_empty() || back.ledger.under_way() > 0 {
        let now = load.now();
        if now > start + PATIENCE {
            back.ledger.settle()?;
            return Err(Failure::new(Kind::TimedOut, "not everybody got back in time"));
        }
        if now >= look {
            look = now + LOOK_EVERY;
            back.peak_bytes = back.peak_bytes.max(resident_bytes(fleet)?);
            progress.at(back.tally.arrived);
        }
        back.arrivals.act(load)?;
        let until = back.arrivals.wake_at().map_or(look, |at| at.min(look));
        load.turn(Wait::Until(until), |event| back.told(event, clock.now()))?;
    }
    back.refused = back.arrivals.refused();
    Ok(back)
}

impl Back {
    fn told(&mut self, event: Event<'_>, now: Duration) -> Result<(), Failure> {
        match event {
            Event::Welcomed { session, welcome } => {
                if !welcome.resumed {
                    let text = format!("session {session} came back as another one");
                    return Err(Failure::failed(text));
                }
                self.arrivals.welcomed(session);
                self.tally.arrived(self.start, now);
            }
            Event::Text { text, .. } if text.starts_with(br#"{"type":"caught_up""#) => {}
            Event::Text { session, text } => {
                let stamp = crowd::stamp(session, text, stamp::BYTES_MIN)?;
                self.ledger.came(session, stamp.number)?;
                self.replayed += 1;
            }
            Event::Closed { session, end } => {
                if !self.arrivals.closed(session, end, now)? {
                    return Err(crowd::lost(session, end));
                }
            }
            Event::Answered { .. } => {}
        }
        Ok(())
    }
}
