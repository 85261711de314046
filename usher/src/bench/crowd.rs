//! Crowd: many users, each with a session.

use std::{ops::Range, time::Duration};

use protocol::{http::TicketReply, id::ResumeToken, position::Position, problem::Problem};

use super::{
    arrivals::Arrivals,
    caller::Call,
    event::Event,
    fleet::Fleet,
    load::{Load, Wait},
    progress::Progress,
    session::Proof,
    stamp::Stamp,
};
use crate::failure::{Failure, Kind};

/// How the names of all users begin.
pub(super) const USER: &str = "bench-";

/// Callers that a crowd needs to be gathered quickly.
pub(super) const CALLERS: usize = 32;

/// Handshakes under way at once: far fewer than wait to be accepted.
const AT_ONCE: usize = 256;

/// How long a crowd may take to leave.
const LEAVING: Duration = Duration::from_secs(5);

/// How long a crowd waits for the next thing to happen before it looks around.
const LOOK: Duration = Duration::from_millis(100);

/// Where a session stands, so that it can come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) token: ResumeToken,
    pub(super) position: Position,
}

/// To which node a session connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Its home.
    Home,
    /// The one that its ticket names first, which is its home from then on.
    AsTold,
}

/// What asks for a ticket of a user.
pub(super) fn ticket_for(user: &str) -> String {
    serde_json::json!({"user": user}).to_string()
}

/// So many users with a session each, which have the same numbers.
pub(super) fn of(load: &mut Load, count: usize) -> Result<Vec<Standing>, Failure> {
    with_devices(load, count, 1)
}

/// So many users with so many sessions each, whose numbers follow each other.
pub(super) fn with_devices(
    load: &mut Load,
    users: usize,
    devices: usize,
) -> Result<Vec<Standing>, Failure> {
    let bodies = (0..users * devices).map(|session| ticket_for(&user(session / devices)));
    gather(load, 0, &bodies.collect::<Vec<_>>(), Way::Home)
}

/// All leave, where the server goes on without them.
pub(super) fn disperse(load: &mut Load, fleet: &Fleet, count: usize) -> Result<(), Failure> {
    if fleet.stays() { leave(load, 0..count) } else { Ok(()) }
}

/// Some leave; returns when they have gone.
pub(super) fn leave(load: &mut Load, sessions: Range<usize>) -> Result<(), Failure> {
    for session in sessions.clone() {
        load.say(session, br#"{"type":"leave"}"#);
    }
    let (mut left, until) = (0, load.now() + LEAVING);
    while left < sessions.len() && load.now() < until {
        load.turn(Wait::Until(until), |event| {
            left += usize::from(matches!(event, Event::Closed { .. }));
            Ok(())
        })?;
    }
    Ok(())
}

/// The name of a user.
pub(super) fn user(number: usize) -> String {
    format!("{USER}{number}")
}

/// Sessions with the names from `first` on, each opened with a ticket as its body asks for.
pub(super) fn gather(
    load: &mut Load,
    first: usize,
    bodies: &[String],
    way: Way,
) -> Result<Vec<Standing>, Failure> {
    let count = u64::try_from(bodies.len()).unwrap_or(u64::MAX);
    let progress = Progress::of(count, "sessions");
    let mut gathering = Gathering {
        first,
        arrivals: Arrivals::new(AT_ONCE),
        asked: vec![None; CALLERS],
        standings: vec![None; bodies.len()],
        tickets: Vec::new(),
        welcomed: 0,
    };
    let mut next = 0;
    while gathering.welcomed < count {
        while next < bodies.len()
            && let Some(caller) = load.free_caller()
        {
            load.call(caller, Call::post("/v1/tickets", bodies[next].as_bytes()))?;
            gathering.asked[caller] = Some(first + next);
            next += 1;
        }
        for (session, ticket) in gathering.tickets.drain(..) {
            if way == Way::AsTold {
                let node = ticket.urls.first().and_then(|url| load.node_at(url));
                let node = node.ok_or_else(|| Failure::failed("a ticket names no node"))?;
                load.move_to(session, node);
            }
            gathering.arrivals.add(session, Proof::Ticket(ticket.ticket));
        }
        gathering.arrivals.act(load)?;
        let now = load.now();
        let until = gathering.arrivals.wake_at().map_or(now + LOOK, |at| at.min(now + LOOK));
        load.turn(Wait::Until(until), |event| gathering.told(event, now))?;
        progress.at(gathering.welcomed);
    }
    Ok(gathering.standings.into_iter().flatten().collect())
}

struct Gathering {
    first: usize,
    arrivals: Arrivals,
    /// Whose ticket each caller asked for.
    asked: Vec<Option<usize>>,
    standings: Vec<Option<Standing>>,
    tickets: Vec<(usize, TicketReply)>,
    welcomed: u64,
}

impl Gathering {
    fn told(&mut self, event: Event<'_>, now: Duration) -> Result<(), Failure> {
        match event {
            Event::Answered { caller, status, body } => {
                let ticket = ticket(status, body)?;
                self.tickets.extend(self.asked[caller].take().map(|session| (session, ticket)));
            }
            Event::Welcomed { session, welcome } => {
                self.arrivals.welcomed(session);
                let standing = Standing { token: welcome.resume, position: welcome.position };
                self.standings[session - self.first] = Some(standing);
                self.welcomed += 1;
            }
            Event::Closed { session, end } => {
                if !self.arrivals.closed(session, end, now)? {
                    return Err(lost(session, end));
                }
            }
            Event::Text { .. } => {}
        }
        Ok(())
    }
}

/// The ticket in the answer to a call for one.
pub(super) fn ticket(status: u16, body: &[u8]) -> Result<TicketReply, Failure> {
    if status != 201 {
        return Err(refused(status, body));
    }
    serde_json::from_slice(body).map_err(Failure::failed)
}

/// Why a call did not succeed.
pub(super) fn refused(status: u16, body: &[u8]) -> Failure {
    let kind = if status == 401 { Kind::KeyRefused } else { Kind::Failed };
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => format!("{} ({})", problem.detail, problem.code),
        Err(_) => format!("the server answered {status}"),
    };
    Failure::new(kind, text)
}

/// A session ended that should not have.
pub(super) fn lost(session: usize, end: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("session {session} was closed: {end}"))
}

/// What a session got must be a measured message.
pub(super) fn stamp(session: usize, text: &[u8], size: usize) -> Result<Stamp, Failure> {
    Stamp::find(text, size).ok_or_else(|| {
        let text = String::from_utf8_lossy(text);
        Failure::failed(format!("session {session} got what nobody sent: {text}"))
    })
}

/// A number of things, as reports have it.
pub(super) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
