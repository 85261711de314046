//! Monitor: how often Redis is asked for some messages, and how many notices it sends.
//!
//! Redis tells whoever asks for it each command that it does, and for whom: a node, or a script. What
//! nodes ask of their own accord names no user, but for looks whether those who are listed are there;
//! so what else names one was asked for a message.

use std::thread::{self, JoinHandle};

use server::random;

use super::{Redis, line::Line};
use crate::failure::Failure;

/// In what is told, what was done by a script.
const BY_SCRIPT: &str = " lua] ";

/// How a notice is sent.
const NOTICE: &str = "\"spublish\"";

/// How nodes look whether a user who is listed is there.
const LOOK: &str = "\"exists\"";

/// What Redis did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Seen {
    /// Commands of nodes that name a user.
    pub(in super::super) calls: u64,
    /// Notices to nodes.
    pub(in super::super) notices: u64,
}

/// Listens to what Redis does.
#[derive(Debug)]
pub(in super::super) struct Monitor {
    /// The last word that it listens for.
    end: String,
    counting: JoinHandle<Result<Seen, Failure>>,
}

impl Monitor {
    /// Begins. `users` is how all of their names begin.
    pub(in super::super) fn begin(redis: &Redis, users: &'static str) -> Result<Self, Failure> {
        let mut line = redis.line()?;
        line.ask(&["MONITOR"])?;
        let end = format!("{:032x}", random::bits());
        let last = end.clone();
        let counting = thread::spawn(move || count(line, users, &last));
        Ok(Self { end, counting })
    }

    /// Ends, and says what was done in between.
    pub(in super::super) fn end(self, redis: &Redis) -> Result<Seen, Failure> {
        redis.line()?.ask(&["ECHO", &self.end])?;
        let counted = self.counting.join();
        counted.unwrap_or_else(|_| Err(Failure::failed("what Redis does was not counted")))
    }
}

fn count(mut line: Line, users: &str, last: &str) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    loop {
        let said = line.next().map_err(Failure::failed)?.map_err(Failure::failed)?;
        let Some(text) = said.text() else { continue };
        if text.contains(last) {
            return Ok(seen);
        }
        seen.note(text, users);
    }
}

impl Seen {
    fn note(&mut self, text: &str, users: &str) {
        let is = |command| text.to_ascii_lowercase().contains(command);
        if text.contains(BY_SCRIPT) {
            self.notices += u64::from(is(NOTICE));
        } else {
            self.calls += u64::from(text.contains(users) && !is(LOOK));
        }
    }
}

#[cfg(test)]
mod tests;
