//! A session of Usher, for programs in Rust.
//!
//! An app wants messages for a user. What it has is sockets that break, tickets that are good once,
//! servers that restart, and answers that are lost. All of that is dealt with here: by a machine
//! that is pure rules, and a task that does what it says.
//!
//! Must not know: the kernel, engines, the server. It stands on the `protocol` crate alone.
//! API boundary: everything public here.
//!
//! ---
#![doc = include_str!("../README.md")]

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
mod builder;
mod session;
mod driver;
mod socket;
mod machine;
mod event;
mod outgoing;
mod state;
mod ticket;
mod pace;

pub use protocol::{
    close::Advice,
    frame::{By, ReplyError},
    id::{MessageId, SessionId},
    name::UserId,
    position::Mark as Position,
    target::Target,
    time::Timestamp,
};

pub use self::{
    builder::{Builder, NotStarted},
    event::{Event, Gap, GapReason, Message, Raw},
    outgoing::{Echo, Halt, Outgoing, SendError, Sending, Sent},
    pace::Pace,
    session::{Events, Session},
    state::{Cause, Closed, End, Live, State},
    ticket::{NoTicket, Reason, Ticket},
};
