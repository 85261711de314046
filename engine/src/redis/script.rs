//! Scripts: steps that Redis takes in one go.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($(#[$doc:meta])* $NAME:ident = $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub(super) static $NAME: LazyLock<Script> = LazyLock::new(|| {
                let text = concat!(
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
    COMMIT = "commit.lua";
    /// Accepts a message.
    APPEND = "append.lua";
    /// A part of a stream.
    READ = "read.lua";
    /// A message to all nodes.
    EVERYONE = "everyone.lua";
    /// A partition begins.
    FOUND = "found.lua";
    /// A partition has another primary.
    MEET = "meet.lua";
    /// Holds a node's lease for longer.
    RENEW = "renew.lua";
    /// What time may have ended.
    DUE = "due.lua";
    /// Forgets a node.
    BURY = "bury.lua";
    /// Takes a user off the list of blocks.
    UNLIST = "unlist.lua";
    /// Who is there.
    CENSUS = "census.lua";
    /// What a node tells of itself.
    REPORT = "report.lua";
    /// A node wants to hear what happens at others.
    LISTEN = "listen.lua";
    /// What all nodes tell of themselves.
    NODES = "nodes.lua";
}
