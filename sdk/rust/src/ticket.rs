//! Tickets: what the app is asked for, and why.

use std::{fmt, str::FromStr};

use protocol::{http::TicketReply, id, name::UserId};
use serde::Deserialize;

/// Leave to open one session, as `POST /v1/tickets` answered the app's backend.
///
/// It is read from that answer's JSON, or from the bare text of a ticket:
///
/// ```
/// use usher_client::Ticket;
///
/// let answer = r#"{"ticket":"t_b02Z9kLjutclUcwdU5fNhDS7","user":"alice","expires_at":1790000000000}"#;
/// let ticket: Ticket = serde_json::from_str(answer)?;
/// let bare: Ticket = "t_b02Z9kLjutclUcwdU5fNhDS7".parse()?;
/// assert_eq!(ticket.ticket, bare.ticket);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Ticket {
    /// The ticket itself. A secret until it is used.
    pub ticket: id::Ticket,
    /// Whose session it opens, if the backend said so.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Where to connect, best first, if the backend said so.
    #[serde(default)]
    pub urls: Vec<String>,
}

impl From<id::Ticket> for Ticket {
    fn from(ticket: id::Ticket) -> Self {
        Self { ticket, user: None, urls: Vec::new() }
    }
}

impl From<TicketReply> for Ticket {
    fn from(reply: TicketReply) -> Self {
        Self { ticket: reply.ticket, user: Some(reply.user), urls: reply.urls }
    }
}

impl FromStr for Ticket {
    type Err = id::Malformed;

    fn from_str(text: &str) -> Result<Self, id::Malformed> {
        id::Ticket::parse(text).map(Self::from)
    }
}

/// Why a ticket is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is the first one.
    Initial,
    /// The one before was not used in time.
    Expired,
    /// The one before was used, but its session is not known here: its `welcome` was lost.
    Spent,
    /// The server does not know the one before.
    Unknown,
    /// The session was away for too long, or the server lost it.
    ResumeLost,
    /// The session reached its greatest age.
    TooOld,
    /// Another process or tab resumed this session with a copy of its token.
    TakenOver,
    /// The session ended with this close code.
    Closed(u16),
}

impl Reason {
    /// The reason that a close code gives.
    pub(crate) fn of(code: u16) -> Self {
        match code {
            4200 => Self::Expired,
            4201 => Self::Spent,
            4202 => Self::ResumeLost,
            4203 => Self::TooOld,
            4204 => Self::Unknown,
            4205 => Self::TakenOver,
            code => Self::Closed(code),
        }
    }
}

/// Why there is no ticket. Any error becomes one that is tried again later, so that `?` does what
/// it should; [`NoTicket::refused`] ends the session for good.
#[derive(Debug)]
pub enum NoTicket {
    /// There will be one later: the backend cannot be reached, say.
    Later(Box<dyn std::error::Error + Send + Sync>),
    /// There will be none: the login is over, say. The session ends with this text.
    Refused(String),
}

impl NoTicket {
    /// There will be no ticket; the session ends.
    #[must_use]
    pub fn refused(why: impl fmt::Display) -> Self {
        Self::Refused(why.to_string())
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for NoTicket {
    fn from(error: E) -> Self {
        Self::Later(error.into())
    }
}
