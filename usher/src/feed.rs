//! Feed: one line per event, for the person who runs `usher dev`.

use protocol::{close::CloseCode, time::Timestamp};
use serde_json::{Value, json};
use server::event::{Event, What};

/// The sign before a line, and the colour that it is shown in (ANSI SGR).
const OPENED: (&str, u8) = ("+", 32);
const RESUMED: (&str, u8) = ("+", 36);
const PARKED: (&str, u8) = ("~", 33);
const ENDED: (&str, u8) = ("-", 90);
const ACCEPTED: (&str, u8) = (">", 34);
const REFUSED: (&str, u8) = ("!", 31);

/// An event as a line for a person.
pub(crate) fn line(event: &Event, colourful: bool) -> String {
    let (sign, who, text) = match &event.what {
        What::SessionOpened { user, session } => {
            (OPENED, user.as_str(), format!("{session} connected"))
        }
        What::SessionResumed { user, session } => {
            (RESUMED, user.as_str(), format!("{session} resumed"))
        }
        What::SessionParked { user, session, code } => {
            let text = format!("{session} lost its socket ({}), may resume", reason(*code));
            (PARKED, user.as_str(), text)
        }
        What::SessionEnded { user, session, code } => {
            (ENDED, user.as_str(), format!("{session} ended ({})", reason(*code)))
        }
        What::MessageAccepted { user, message, live, parked } => {
            let text = match (live, parked) {
                (0, 0) => format!("{message} for nobody: no such session"),
                (live, 0) => format!("{message} to {live} live"),
                (live, parked) => format!("{message} to {live} live, {parked} when back"),
            };
            (ACCEPTED, user.as_str(), text)
        }
        What::SentToEveryone { message } => {
            (ACCEPTED, "", format!("{message} to everyone who is live"))
        }
        What::ConnectRefused { origin: Some(origin), .. } => {
            let text = format!(
                "refused: pages of {origin} may not connect; add it to allowed_origins or the ticket"
            );
            (REFUSED, "", text)
        }
        What::ConnectRefused { code, close_code, .. } => {
            let number = close_code.map(|number| format!(" ({number})")).unwrap_or_default();
            let text = format!("refused: {}{number}, see {}", code.title(), code.page());
            (REFUSED, "", text)
        }
    };
    let (sign, colour) = sign;
    let sign = if colourful { format!("\u{1b}[{colour}m{sign}\u{1b}[0m") } else { sign.to_owned() };
    let who = printable(who);
    format!("{} {sign} {who:8} {text}", time_of_day(event.at))
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

/// UTC, since what time it is here is not known without a table of zones.
fn time_of_day(at: Timestamp) -> String {
    let seconds = at.0 / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// An event as `type name=value …`, for a log.
pub(crate) fn log_line(event: &Event) -> String {
    let event = json(event);
    let fields = event.as_object().into_iter().flatten();
    let told =
        fields.filter(|(name, value)| !matches!(name.as_str(), "at" | "type") && !value.is_null());
    let told: String = told.map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{}{told}", event["type"].as_str().unwrap_or_default())
}

/// An event as one JSON object.
pub(crate) fn json(event: &Event) -> Value {
    let at = event.at;
    match &event.what {
        What::SessionOpened { user, session } => {
            json!({"at": at, "type": "session.opened", "user": user, "session": session})
        }
        What::SessionResumed { user, session } => {
            json!({"at": at, "type": "session.resumed", "user": user, "session": session})
        }
        What::SessionParked { user, session, code } => {
            json!({"at": at, "type": "session.parked", "user": user, "session": session, "code": code})
        }
        What::SessionEnded { user, session, code } => {
            json!({"at": at, "type": "session.ended", "user": user, "session": session, "code": code})
        }
        What::MessageAccepted { user, message, live, parked } => json!({
            "at": at, "type": "message.accepted", "user": user, "message": message,
            "live": live, "parked": parked
        }),
        What::SentToEveryone { message } => {
            json!({"at": at, "type": "message.accepted", "message": message, "everyone": true})
        }
        What::ConnectRefused { code, close_code, origin } => {
            json!({"at": at, "type": "ticket.refused", "problem": code.name(), "code": close_code,
            "origin": origin})
        }
    }
}
