//! Frames: one JSON object each, between a session and its node, both ways.
//!
//! What the server writes is encoded once per message and shared by all sockets, so encoders append
//! to a buffer that its owner then shares. What a session writes is read strictly where it could be meant in two ways (duplicate
//! keys) and leniently where protocols grow: unknown fields and unknown types are not errors.
//!
//! Each direction has two halves. `to_session` and `from_session` are the server's; `heard` and
//! `said` are the same frames from where a session sits.

pub mod heard;
pub mod said;
mod from_session;
mod to_session;

pub use from_session::{FromSession, Invalid, Received, SendFrame, Unread, read};
pub use to_session::{
    By, Closing, Gap, GapReason, Message, Reply, ReplyError, ReplyOutcome, ToSession, Welcome,
};

#[cfg(test)]
mod tests;
