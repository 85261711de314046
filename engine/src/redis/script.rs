//! Scripts: steps that Redis takes in one go.
//!
//! Redis refuses the first write of a script when its memory is full. Those that only keep or take
//! away what is there say that they are to be taken all the same, with their first line.

use std::sync::LazyLock;

use redis::Script;

macro_rules! first_line {
    () => {
        ""
    };
    (always) => {
        "#!lua flags=allow-oom\n"
    };
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $NAME:ident = $($always:ident)? $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub(super) static $NAME: LazyLock<Script> = LazyLock::new(|| {
                let text = concat!(
                    first_line!($($always)?),
                    include_str!("scripts/prelude.lua"),
                    include_str!(concat!("scripts/", $file))
                );
                #[cfg(feature = "planted")]
                let text = &crate::planted::spoilt(text);
                Script::new(text)
            });
        )*

        /// All of them.
        pub(super) fn all() -> impl Iterator<Item = &'static Script> {
            [$(&*$NAME),*].into_iter()
        }
    };
}

scripts! {
    /// What a step looks at.
    GATHER = "gather.lua";
    /// Does what a step decided, if all is as it was.
    COMMIT = always "commit.lua";
    /// The same, for what is to be refused when memory is full.
    COMMIT_MORE = "commit.lua";
    /// Accepts a message.
    APPEND = "append.lua";
    /// A part of a stream.
    READ = "read.lua";
    /// A message to all nodes.
    EVERYONE = "everyone.lua";
    /// A partition begins.
    FOUND = always "found.lua";
    /// A partition has another primary.
    MEET = always "meet.lua";
    /// Holds a node's lease for longer.
    RENEW = always "renew.lua";
    /// Ends a node's lease.
    LAPSE = always "lapse.lua";
    /// What time may have ended.
    DUE = "due.lua";
    /// Forgets a node.
    BURY = "bury.lua";
    /// Forgets a session of which nothing is known.
    FORGET = "forget.lua";
    /// Takes a user off a list.
    UNLIST = "unlist.lua";
    /// Who is there.
    CENSUS = "census.lua";
    /// What a node tells of itself.
    REPORT = always "report.lua";
    /// A node wants to hear what happens at others.
    LISTEN = always "listen.lua";
    /// What all nodes tell of themselves.
    NODES = "nodes.lua";
}
