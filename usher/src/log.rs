//! Log: what a node writes for its operator, on standard error.
//!
//! Each line is a message and fields, in a form for people or as JSON. An event is logged under the
//! name of its type, with the same fields that the feed has. Never what a message says, never a
//! secret.

use protocol::{
    close::CloseCode,
    event::{Event, Recipients, What},
};
use server::config::{Log, LogFormat};
use tracing::field::display;
use tracing_subscriber::{EnvFilter, fmt};

use crate::out;

/// Writes what the filter lets through, from now on. Only the first call of a process counts.
pub(crate) fn start(log: &Log) {
    // The configuration took it, so it is a filter.
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match log.format {
        LogFormat::Text => lines.with_ansi(out::is_colourful(&std::io::stderr())).try_init().ok(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).try_init().ok()
        }
    };
}

/// Logs one event: those of single messages for who looks closer, all others as they are.
pub(crate) fn event(event: &Event) {
    macro_rules! log {
        ($level:ident { $($name:ident $(= $value:expr)?),* $(,)? }) => {
            tracing::$level!(node = %event.node, $($name $(= $value)?,)* "{}", event.what.name())
        };
    }
    match &event.what {
        What::SessionOpened { user, session } | What::SessionResumed { user, session } => {
            log!(info { user = display(user), session = display(session) });
        }
        What::SessionParked { user, session, code, of: Some(of) } => {
            let reason = CloseCode::from_number(*code).map(CloseCode::name);
            let of = &**of;
            log!(info { user = display(user), session = display(session), code, reason, of });
        }
        What::SessionParked { user, session, code, of: None }
        | What::SessionEnded { user, session, code } => {
            let reason = CloseCode::from_number(*code).map(CloseCode::name);
            log!(info { user = display(user), session = display(session), code, reason });
        }
        What::UserOnline { user } | What::UserOffline { user } => {
            log!(info { user = display(user) });
        }
        What::MessageAccepted { message, to: Recipients::User { user, live, parked } } => {
            log!(debug { message_id = display(message), user = display(user), live, parked });
        }
        What::MessageAccepted { message, to: Recipients::Everyone { everyone } } => {
            log!(debug { message_id = display(message), everyone });
        }
        What::TicketRefused { problem, code, origin, address } => {
            let (problem, origin) = (problem.name(), origin.as_ref().map(display));
            log!(info { problem, code, origin, address = display(address) });
        }
        What::NodeUp { version } => log!(info { version = version.as_str() }),
        What::NodeDraining | What::NodeDown | What::EngineUp => log!(info {}),
        What::EngineDown => log!(warn {}),
        What::Stats(_) => {}
        What::Gap(gap) => log!(warn { missed = gap.missed, after = display(&gap.after) }),
        What::Other(_) => log!(info {}),
    }
}
