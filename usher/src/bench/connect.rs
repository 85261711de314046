//! Connect: sessions that come with a new ticket, are welcomed, and leave again.

use std::time::Duration;

use super::{
    caller::Call,
    crowd::{self, CALLERS},
    event::{End, Event},
    fleet::Fleet,
    flow::{self, Tally, Work},
    load::Load,
    process,
    report::{Figure, Report, Run},
    rest::Rest,
    session::Proof,
};
use crate::{args::bench::Connect, failure::Failure};

/// How a session that left is closed.
const LEFT: u16 = 1000;

/// Users whose sessions come and go.
const USERS: usize = 1000;

/// Measures.
pub(super) fn run(args: &Connect) -> Result<Report, Failure> {
    let places = usize::from(args.outstanding);
    process::room_for(places)?;
    let fleet = Fleet::of(&args.place, &args.nodes)?;
    let mut load = Load::new(fleet.targets(), CALLERS)?;
    let rest = Rest::measure(&fleet, &mut load, args.plan.rest())?;
    let mut work = Coming::new(places);
    let measured = flow::measure(&fleet, &mut load, &mut work, &args.plan)?;
    let (tally, spent) = (&measured.tally, &measured.spent);
    let mut about = fleet.figures()?;
    about.push(Figure::count("outstanding", "on their way at once", crowd::number(places)));
    let mut figures = vec![
        Figure::count("connects", "connects", tally.begun),
        Figure::count("welcomed", "welcomed", tally.arrived),
        Figure::count("refused", "told to come later", work.refused),
        Figure::real(
            "connects_per_second",
            "connects each second",
            spent.per_second(tally.arrived),
            "",
        ),
        Figure::real(
            "server_us_per_session",
            "server CPU for each",
            spent.server_us_each(tally.arrived),
            " us",
        ),
    ];
    figures.extend(spent.redis_each(tally.arrived, rest));
    about.extend(rest.iter().flat_map(Rest::figures));
    let gated = (work.refused > 0).then(|| {
        "the server's admissions_per_second is lower than what was asked of it".to_owned()
    });
    let notes = spent.warning().into_iter().chain(gated).collect();
    Ok(Report {
        bench: "connect",
        about,
        runs: vec![Run { name: "connect".to_owned(), figures: measured.with(figures) }],
        notes,
    })
}

/// What happens at a place.
#[derive(Debug, Clone, Copy)]
enum Place {
    Free,
    /// Since then somebody is on the way in.
    Coming(Duration),
    Leaving,
}

/// Sessions that come and go, at so many places.
struct Coming {
    places: Vec<Place>,
    free: Vec<usize>,
    /// For which place each caller asked for a ticket.
    asked: Vec<Option<usize>>,
    tickets: Vec<(usize, Proof)>,
    welcomed: Vec<usize>,
    refused: u64,
    next: usize,
}

impl Coming {
    fn new(places: usize) -> Self {
        Self {
            places: vec![Place::Free; places],
            free: (0..places).collect(),
            asked: vec![None; CALLERS],
            tickets: Vec::new(),
            welcomed: Vec::new(),
            refused: 0,
            next: 0,
        }
    }

    fn closed(&mut self, place: usize, end: End) -> Result<(), Failure> {
        match (self.places[place], end.code) {
            (Place::Leaving, Some(LEFT)) => {}
            (Place::Coming(_), Some(503 | 4003)) => self.refused += 1,
            (Place::Free | Place::Coming(_) | Place::Leaving, _) => {
                return Err(crowd::lost(place, end));
            }
        }
        self.places[place] = Place::Free;
        self.free.push(place);
        Ok(())
    }
}

impl Work for Coming {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        let Some(caller) = load.free_caller() else { return Ok(false) };
        let Some(place) = self.free.pop() else { return Ok(false) };
        let body = crowd::ticket_for(&crowd::user(self.next % USERS));
        self.next += 1;
        load.call(caller, Call::post("/v1/tickets", body.as_bytes()))?;
        self.asked[caller] = Some(place);
        self.places[place] = Place::Coming(due);
        Ok(true)
    }

    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure> {
        match event {
            Event::Answered { caller, status, body } => {
                let ticket = Proof::Ticket(crowd::ticket(status, body)?.ticket);
                self.tickets.extend(self.asked[caller].take().map(|place| (place, ticket)));
            }
            Event::Welcomed { session, .. } => {
                if let Place::Coming(due) = self.places[session] {
                    tally.arrived(due, now);
                }
                self.places[session] = Place::Leaving;
                self.welcomed.push(session);
            }
            Event::Closed { session, end } => self.closed(session, end)?,
            Event::Text { .. } => {}
        }
        Ok(())
    }

    fn act(&mut self, load: &mut Load) -> Result<(), Failure> {
        for (place, ticket) in self.tickets.drain(..) {
            load.open(place, ticket)?;
        }
        for place in self.welcomed.drain(..) {
            load.say(place, br#"{"type":"leave"}"#);
        }
        Ok(())
    }

    fn under_way(&self) -> u64 {
        crowd::number(self.places.len() - self.free.len())
    }

    fn settle(&self) -> Result<(), Failure> {
        match self.under_way() {
            0 => Ok(()),
            missing => Err(Failure::failed(format!("{missing} sessions did not come through"))),
        }
    }
}
