//! Kind: the types of events, by the names that filters and the feed's `event:` lines have.

use std::fmt;

macro_rules! catalogue {
    ($($Name:ident = $name:literal;)*) => {
        /// A type of events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`")] $Name,)*
        }

        impl Kind {
            /// All that are known here.
            pub const ALL: &[Self] = &[$(Self::$Name),*];

            /// The name, which is the event's `type`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$Name => $name,)* }
            }
        }
    };
}

catalogue! {
    SessionOpened = "session.opened";
    SessionResumed = "session.resumed";
    SessionParked = "session.parked";
    SessionEnded = "session.ended";
    UserOnline = "user.online";
    UserOffline = "user.offline";
    MessageAccepted = "message.accepted";
    TicketRefused = "ticket.refused";
    NodeUp = "node.up";
    NodeDraining = "node.draining";
    NodeDown = "node.down";
    EngineUp = "engine.up";
    EngineDown = "engine.down";
    Stats = "stats";
    Gap = "gap";
}

impl Kind {
    /// The type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Kind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}
