//! Feed: events as lines for a person.

use protocol::{
    close::CloseCode,
    event::{Event, Gap, GapReason, Recipients, What},
    http::Stats,
};

use crate::utc;

/// The sign before a line, and the colour that it is shown in (ANSI SGR).
type Sign = (&'static str, u8);

const OPENED: Sign = ("+", 32);
const RESUMED: Sign = ("+", 36);
const PARKED: Sign = ("~", 33);
const ENDED: Sign = ("-", 90);
const ONLINE: Sign = ("*", 32);
const OFFLINE: Sign = ("*", 90);
const ACCEPTED: Sign = (">", 34);
const REFUSED: Sign = ("!", 31);
const NODE: Sign = ("=", 35);
const STATS: Sign = ("#", 36);
const OTHER: Sign = ("?", 90);

/// An event as a line for a person. `at` is where the server has its pages.
pub(crate) fn line(event: &Event, at: &str, colourful: bool) -> String {
    let ((sign, colour), text) = told(event, at);
    let sign = if colourful { format!("\u{1b}[{colour}m{sign}\u{1b}[0m") } else { sign.to_owned() };
    let who = match event.what.user() {
        Some(user) => user.as_str(),
        None if is_of_node(&event.what) => &event.node,
        None => "",
    };
    format!("{} {sign} {:8} {}", utc::of_day(event.at), printable(who), printable(&text))
}

/// Whether it is about the node, and not about a user or a connect attempt.
pub(crate) fn is_of_node(what: &What) -> bool {
    match what {
        What::NodeUp { .. }
        | What::NodeDraining
        | What::NodeDown
        | What::EngineUp
        | What::EngineDown
        | What::Stats(_) => true,
        What::SessionOpened { .. }
        | What::SessionResumed { .. }
        | What::SessionParked { .. }
        | What::SessionEnded { .. }
        | What::UserOnline { .. }
        | What::UserOffline { .. }
        | What::MessageAccepted { .. }
        | What::TicketRefused { .. }
        | What::Gap(_)
        | What::Other(_) => false,
    }
}

fn told(event: &Event, at: &str) -> (Sign, String) {
    match &event.what {
        What::SessionOpened { session, .. } => (OPENED, format!("{session} connected")),
        What::SessionResumed { session, .. } => (RESUMED, format!("{session} resumed")),
        What::SessionParked { session, code, .. } => {
            (PARKED, format!("{session} lost its socket ({}), may resume", reason(*code)))
        }
        What::SessionEnded { session, code, .. } => {
            (ENDED, format!("{session} ended ({})", reason(*code)))
        }
        What::UserOnline { .. } => (ONLINE, "online".to_owned()),
        What::UserOffline { .. } => (OFFLINE, "offline".to_owned()),
        What::MessageAccepted { message, to: Recipients::User { live, parked, .. } } => {
            let text = match (live, parked) {
                (0, 0) => format!("{message} for nobody: no such session"),
                (live, 0) => format!("{message} to {live} live"),
                (live, parked) => format!("{message} to {live} live, {parked} when back"),
            };
            (ACCEPTED, text)
        }
        What::MessageAccepted { message, to: Recipients::Everyone { .. } } => {
            (ACCEPTED, format!("{message} to everyone who is live"))
        }
        What::TicketRefused { origin: Some(origin), address, .. } => {
            let text = format!(
                "refused {address}: pages of {origin} may not connect; add it to allowed_origins \
                 or the ticket"
            );
            (REFUSED, text)
        }
        What::TicketRefused { problem, code, address, .. } => {
            let number = code.map(|number| format!(" ({number})")).unwrap_or_default();
            let (title, page) = (problem.title().trim_end_matches('.'), problem.page());
            (REFUSED, format!("refused {address}: {title}{number}, see {at}{page}"))
        }
        What::NodeUp { version } => (NODE, format!("node up, version {version}")),
        What::NodeDraining => (NODE, "node draining: its sessions leave".to_owned()),
        What::NodeDown => (NODE, "node down".to_owned()),
        What::EngineUp => (NODE, "engine up".to_owned()),
        What::EngineDown => (NODE, "engine down".to_owned()),
        What::Stats(stats) => (STATS, in_words(stats)),
        What::Gap(gap) => (REFUSED, gap_in_words(gap)),
        What::Other(other) => {
            let told = other.rest.iter().map(|(name, value)| format!(" {name}={value}"));
            (OTHER, format!("{}{}", other.kind, told.collect::<String>()))
        }
    }
}

fn in_words(stats: &Stats) -> String {
    let Stats { users, sessions, messages, .. } = stats;
    format!(
        "{users} users, {} live, {} parked; {} messages, {} deliveries so far",
        sessions.live, sessions.parked, messages.accepted, messages.delivered
    )
}

fn gap_in_words(gap: &Gap) -> String {
    let many = gap.missed.map_or_else(|| "some".to_owned(), |missed| missed.to_string());
    let why = match gap.reason {
        GapReason::Expired => "the node does not have them any more",
        GapReason::Slow => "they came faster than they were read",
        GapReason::Restarted => "the node was started again",
        GapReason::Unknown => "they were another node's",
        GapReason::Unheard => "the node did not hear of them",
    };
    format!("{many} events are missing here: {why}")
}

/// Names are the app's; a terminal must not take them for commands.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn reason(code: u16) -> String {
    match CloseCode::from_number(code) {
        Some(code) => code.to_string(),
        None => match code {
            1000 | 1005 => "left".to_owned(),
            1006 => "no close frame".to_owned(),
            code => code.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
