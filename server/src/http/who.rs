//! Who: who may make a call, and at which address it is.
//!
//! Each route says it once, where it is added; `router` puts the guard before it.

use crate::{config::Scope, door::Entrance};

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anybody,
    /// Pages and people on the machine of `usher dev`; elsewhere there is no such path.
    Dev,
    /// Whoever has a ticket or a resume token; the handshake itself asks for it.
    Ticket,
    /// Whoever has a key, if only to look.
    Reader,
    /// Whoever has a key that is good for every call.
    Backend,
    /// As `Reader`; everybody at the address of the API, to which nobody else comes.
    Monitor,
}

impl Who {
    /// Whether they find the call at this entrance.
    pub(super) fn is_at(self, entrance: Entrance) -> bool {
        match entrance {
            Entrance::Whole => true,
            Entrance::Public => match self {
                Self::Anybody | Self::Dev | Self::Ticket => true,
                Self::Reader | Self::Backend | Self::Monitor => false,
            },
            Entrance::Api => match self {
                Self::Anybody | Self::Reader | Self::Backend | Self::Monitor => true,
                Self::Dev | Self::Ticket => false,
            },
        }
    }

    /// What their key must be good for, if they need one here.
    pub(super) fn wants(self, entrance: Entrance) -> Option<Scope> {
        match self {
            Self::Anybody | Self::Dev | Self::Ticket => None,
            Self::Monitor if entrance == Entrance::Api => None,
            Self::Reader | Self::Monitor => Some(Scope::Read),
            Self::Backend => Some(Scope::Full),
        }
    }
}

#[cfg(test)]
mod tests;
