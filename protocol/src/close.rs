//! Close codes: why a session's socket closes, and what its owner should do.
//!
//! One catalogue. The number tells a program what to do by comparison alone: 4000 to 4199
//! reconnect and resume, 4200 to 4399 get a new ticket, 4400 to 4999 stop. The close reason on the
//! wire is the code's name.

use std::fmt;

/// What the owner of the socket should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Reconnect with the resume token; without one, with the same ticket while it is valid.
    Resume,
    /// Get a new ticket, then reconnect.
    NewTicket,
    /// Do not come back by yourself.
    Stop,
}

impl Advice {
    /// What any close code's number says, of Usher's own or not, known here or not.
    #[must_use]
    pub fn of(number: u16) -> Self {
        match number {
            4400..5000 => Self::Stop,
            4200..4400 => Self::NewTicket,
            // RFC 6455's own, by which a session ends that broke its rules.
            1002 | 1003 | 1007 | 1008 | 1009 => Self::NewTicket,
            _ => Self::Resume,
        }
    }
}

macro_rules! catalogue {
    ($($Name:ident = $number:literal, $name:literal, $text:literal;)*) => {
        /// A close code of Usher's own, 4000 to 4999 (the private range of RFC 6455, section 7.4.2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum CloseCode {
            $(#[doc = $text] $Name = $number,)*
        }

        impl CloseCode {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$Name),*];

            /// The name, which is also the close reason on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$Name => $name,)* }
            }

            /// One sentence for a person.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$Name => $text,)* }
            }
        }
    };
}

catalogue! {
    Drain = 4000, "drain", "The node is going away; reconnect and resume.";
    Slow = 4001, "slow", "The session read too slowly; reconnect and resume.";
    NoPong = 4002, "no-pong", "No answer to a ping; reconnect and resume.";
    Overloaded = 4003, "overloaded", "The node cannot take the session now; come back later.";
    TicketExpired = 4200, "ticket-expired", "The ticket was not used in time.";
    TicketSpent = 4201, "ticket-spent", "The ticket was used before.";
    CannotResume = 4202, "cannot-resume", "The session is not known any more, or was left.";
    TooOld = 4203, "too-old", "The session reached its maximum age.";
    TicketUnknown = 4204, "ticket-unknown", "No such ticket is known.";
    TakenOver = 4205, "taken-over", "Another socket resumed this session.";
    ProtocolError = 4400, "protocol-error", "What was sent is not Usher's protocol.";
    TicketMissing = 4401, "ticket-missing", "No well-formed ticket or resume token was given.";
    Forbidden = 4403, "forbidden", "The user is blocked, or the page's origin is not allowed.";
    Replaced = 4409, "replaced", "A newer session took this one's place.";
    ClosedByBackend = 4410, "closed-by-backend", "The app's backend closed the session.";
    LimitReached = 4423, "limit-reached", "The user has as many sessions as the policy allows.";
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// What the owner of the socket should do next, which the number alone decides.
    #[must_use]
    pub fn advice(self) -> Advice {
        Advice::of(self.number())
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

#[cfg(test)]
mod tests;
