//! State: how a session stands, and why it stopped.

use std::{fmt, time::Duration};

use protocol::{
    close::{Advice, CloseCode},
    frame::By,
    id::SessionId,
    name::UserId,
};

/// How a session stands. Every change is seen through [`crate::Session::watch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It gets a ticket, or opens a socket.
    Connecting,
    /// It has a socket, and the server's `welcome`.
    Live(Live),
    /// It lost its socket, or did not get one, and tries again.
    Waiting {
        /// In how long.
        wait: Duration,
        /// Why.
        cause: Cause,
    },
    /// It is over. Only a new session can follow.
    Ended(End),
}

impl State {
    /// Whether there is a socket, and the server's `welcome`.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }
}

/// What the server said in its `welcome`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Live {
    /// The session; the same after each resume.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Which node has the socket.
    pub node: String,
    /// Whether it is an earlier session that came back.
    pub resumed: bool,
}

/// Why a session has no socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The server closed it.
    Closed(Closed),
    /// It broke.
    Broken(String),
    /// Nothing came for too long.
    Silent,
    /// There was none to be had.
    Unreachable(String),
    /// The app had no ticket.
    NoTicket(String),
    /// The app wanted it so.
    Asked,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => write!(f, "the server closed the socket: {closed}"),
            Self::Broken(why) => write!(f, "the socket is lost: {why}"),
            Self::Silent => f.write_str("the socket is lost: nothing comes"),
            Self::Unreachable(why) => write!(f, "cannot connect: {why}"),
            Self::NoTicket(why) => write!(f, "no ticket: {why}"),
            Self::Asked => f.write_str("the socket was given up"),
        }
    }
}

/// How the server closed a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The close code; 1005 where there was none.
    pub code: u16,
    /// The reason beside it: for Usher's own codes, their name.
    pub reason: String,
    /// Who took the place, for 4409.
    pub by: Option<By>,
}

impl Closed {
    /// What the code tells an SDK to do.
    #[must_use]
    pub fn advice(&self) -> Advice {
        Advice::of(self.code)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CloseCode::from_number(self.code) {
            Some(code) => write!(f, "{code}: {}", code.text()),
            None if self.reason.is_empty() => write!(f, "{}", self.code),
            None => write!(f, "{} {}", self.code, self.reason),
        }
    }
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The app left it, or dropped its events.
    Left,
    /// The server closed it with a code that says to stop, 4400 to 4999.
    Closed(Closed),
    /// The app said that there will be no ticket.
    Refused(String),
    /// A ticket was for somebody else than the session was for until then.
    OtherUser,
    /// The runtime that it ran on was stopped.
    Aborted,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("left"),
            Self::Closed(closed) => write!(f, "closed: {closed}"),
            Self::Refused(why) => write!(f, "no ticket: {why}"),
            Self::OtherUser => f.write_str("the ticket is another user's"),
            Self::Aborted => f.write_str("its runtime stopped"),
        }
    }
}
