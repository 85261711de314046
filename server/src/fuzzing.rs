//! Fuzzing: what must hold of any bytes that come from outside.
//!
//! Each target takes bytes as they arrive at one place, and panics where what is promised of that
//! place does not hold. There is one definition for both who ask: the fuzzers in `server/fuzz`,
//! which look for as long as they are left to, and a test that tries the seeds of the fuzzers and
//! some thousand damaged copies of them with every change. So what fuzzers judge by cannot go stale.
//!
//! Where that is possible the judge is a second reading, written for nothing but to be plain.
//!
//! Not here: how inputs are found. Behind the feature `fuzzing`, since it opens what is closed;
//! never in a release.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
pub(crate) mod codec;
mod handshake;
mod frame;
mod body;
mod word;
mod json;
mod plain_head;
pub(crate) mod oracle;
pub(crate) mod dice;

pub use self::{
    body::check as body, codec::check as codec, frame::check as frame,
    handshake::check as handshake, word::check as word,
};

#[cfg(test)]
mod tests;
