//! Arrivals: sessions that are to be let in, so many at once, and those who were told to come later.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    time::Duration,
};

use super::{event::End, load::Load, session::Proof};
use crate::failure::Failure;

/// When to come again after an end without a hint.
const PAUSE: Duration = Duration::from_millis(500);

/// How often one tries.
const TRIES_MAX: u32 = 100;

/// Sessions on their way in.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// How many try at once.
    at_once: usize,
    under_way: usize,
    wanting: BTreeMap<usize, Wanting>,
    waiting: VecDeque<usize>,
    later: BinaryHeap<Reverse<(Duration, usize)>>,
    refused: u64,
}

#[derive(Debug, Clone, Copy)]
struct Wanting {
    proof: Proof,
    tries: u32,
}

impl Arrivals {
    /// Nobody yet; so many will try at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            under_way: 0,
            wanting: BTreeMap::new(),
            waiting: VecDeque::new(),
            later: BinaryHeap::new(),
            refused: 0,
        }
    }

    /// A session wants in.
    pub(super) fn add(&mut self, session: usize, proof: Proof) {
        self.wanting.insert(session, Wanting { proof, tries: 0 });
        self.waiting.push_back(session);
    }

    /// Lets those try whose time has come.
    pub(super) fn act(&mut self, load: &mut Load) -> Result<(), Failure> {
        let now = load.now();
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let session = self.later.pop().map(|Reverse((_, session))| session);
            self.waiting.extend(session);
        }
        while self.under_way < self.at_once
            && let Some(session) = self.waiting.pop_front()
        {
            let Some(wanting) = self.wanting.get_mut(&session) else { continue };
            wanting.tries += 1;
            load.open(session, wanting.proof)?;
            self.under_way += 1;
        }
        Ok(())
    }

    /// A session was let in; whether it is one of these.
    pub(super) fn welcomed(&mut self, session: usize) -> bool {
        let was_wanting = self.wanting.remove(&session).is_some();
        self.under_way -= usize::from(was_wanting);
        was_wanting
    }

    /// A session's socket ended. One of these comes again when it was told to; whether it is one.
    pub(super) fn closed(
        &mut self,
        session: usize,
        end: End,
        now: Duration,
    ) -> Result<bool, Failure> {
        let Some(wanting) = self.wanting.get(&session) else { return Ok(false) };
        self.under_way -= 1;
        self.refused += 1;
        // A number below 1000 is that of an HTTP answer.
        let may_come_again = end.code.is_none_or(|code| matches!(code, 429 | 503 | 4000..4200));
        if !may_come_again || wanting.tries >= TRIES_MAX {
            let times = wanting.tries;
            let text = format!("session {session} was refused: {end} (try {times})");
            return Err(Failure::failed(text));
        }
        let pause = end.retry_ms.map_or(PAUSE, Duration::from_millis);
        self.later.push(Reverse((now + pause, session)));
        Ok(true)
    }

    /// When somebody comes again.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }

    /// How often somebody was told to come later.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether everybody is in.
    pub(super) fn is_empty(&self) -> bool {
        self.wanting.is_empty()
    }
}

#[cfg(test)]
mod tests;
