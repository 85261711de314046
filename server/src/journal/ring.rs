//! Ring: the last events that a node knows of, its own and those that it heard of, as they came.
//!
//! Each takes the next place, and a place is a number of this node. So the events of a node that
//! listens to nobody are numbered one by one; where it listens, numbers are left out that places of
//! others' events are. What others told stays theirs, with their numbers.
//!
//! Others tell their own events in order, from one of their places to another. What does not follow
//! what was heard before is missing, and a gap takes a place for it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use engine::fleet::Told;
use protocol::{
    event::{Gap, GapReason, Number, What},
    limit,
    time::Timestamp,
};

use crate::clock::Clock;

/// Lives of nodes of which it is known how far they were heard. More than there are nodes; of one
/// that is forgotten too early a gap is told that is none.
const HEARD_MAX: usize = 1024;

/// Events that are told to others at once.
const TOLD_MAX: usize = 128;

/// Events that are looked at for that.
const LOOK: usize = 512;

/// The last events.
#[derive(Debug)]
pub(super) struct Ring {
    kept: VecDeque<Kept>,
    /// The last place that is taken; 0 before the first.
    pub(super) last: u64,
    pub(super) closed: bool,
    /// How far each other node was heard.
    heard: BTreeMap<Life, Heard>,
}

/// A node, in one of its lives.
type Life = (Arc<str>, u64);

/// How far a node was heard.
#[derive(Debug, Default)]
struct Heard {
    until: u64,
    /// It said that it stops.
    stopped: bool,
}

/// One event.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: Timestamp,
    pub(super) what: What,
    /// Where it is not this node's own.
    pub(super) other: Option<Box<Other>>,
}

/// What an event says of another node.
#[derive(Debug)]
pub(super) struct Other {
    /// At which node it happened.
    pub(super) node: Arc<str>,
    /// Which of its events it is; none if that node did not tell it.
    pub(super) number: Option<Number>,
}

impl Kept {
    /// What another node did not tell, now.
    pub(super) fn of(node: &str, what: What) -> Self {
        let other = Some(Box::new(Other { node: node.into(), number: None }));
        Self { at: Clock::timestamp(), what, other }
    }
}

impl Default for Ring {
    fn default() -> Self {
        // Whole from the start: it gets as large anyway, and would be copied on its way there.
        let kept = VecDeque::with_capacity(limit::EVENTS_KEPT);
        Self { kept, last: 0, closed: false, heard: BTreeMap::new() }
    }
}

impl Ring {
    /// The oldest place that is kept, or the next one if none is.
    pub(super) fn oldest(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
    }

    /// What is kept after a place, in order. What came before the oldest is not.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = &Kept> {
        let skip = (place + 1).saturating_sub(self.oldest());
        self.kept.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }

    /// Keeps one, and returns the one that had to go for it.
    pub(super) fn push(&mut self, kept: Kept) -> Option<Kept> {
        let oldest =
            if self.kept.len() == limit::EVENTS_KEPT { self.kept.pop_front() } else { None };
        self.kept.push_back(kept);
        self.last += 1;
        oldest
    }

    /// Where an event of another node is, or the last one before it of that node.
    pub(super) fn place_of(&self, number: &Number) -> Option<u64> {
        let is_it = |kept: &Kept| {
            let other = kept.other.as_ref().and_then(|other| other.number.as_ref());
            other.is_some_and(|other| {
                let (node, generation) = (&other.node, other.generation);
                (node, generation) == (&number.node, number.generation) && other.n <= number.n
            })
        };
        let back = self.kept.iter().rev().position(is_it)?;
        Some(self.last - back as u64)
    }

    /// The place before all that happened since.
    pub(super) fn place_before(&self, since: Timestamp) -> u64 {
        let later = self.kept.iter().rev().take_while(|kept| kept.at >= since).count();
        self.last - later as u64
    }

    /// This node's own events after a place, or some of them.
    pub(super) fn told_after(&self, place: u64, node: &Arc<str>, generation: u64) -> Told {
        let after = place.max(self.oldest() - 1);
        let (mut until, mut events) = (after, Vec::new());
        for kept in self.after(after).take(LOOK) {
            until += 1;
            if kept.other.is_none() {
                events.push((until, kept.at, kept.what.clone()));
            }
            if events.len() == TOLD_MAX {
                break;
            }
        }
        Told { node: Arc::clone(node), generation, after, until, events }
    }

    /// Keeps what another node told, but for what it told before. `me` says what is missing.
    pub(super) fn hear(&mut self, told: Told, me: &Arc<str>, now: Timestamp) {
        let Told { node, generation, after, until, events } = told;
        let life = (Arc::clone(&node), generation);
        let number = |n| Number { node: Arc::clone(&node), generation, n };
        let had = self.heard.get(&life).map_or(0, |heard| heard.until);
        if had < after {
            let (after, until) = (number(had), number(after));
            let gap = Gap { after, until: until.clone(), reason: GapReason::Unheard, missed: None };
            let other = Other { node: Arc::clone(me), number: Some(until) };
            self.push(Kept { at: now, what: What::Gap(gap), other: Some(Box::new(other)) });
        }
        let mut stopped = false;
        for (n, at, what) in events {
            if n <= had {
                continue;
            }
            stopped |= what == What::NodeDown;
            let other = Other { node: Arc::clone(&node), number: Some(number(n)) };
            self.push(Kept { at, what, other: Some(Box::new(other)) });
        }
        let heard = self.heard.entry(life).or_default();
        heard.until = heard.until.max(until);
        heard.stopped |= stopped;
        if self.heard.len() > HEARD_MAX {
            self.heard.pop_first();
        }
    }

    /// Whether a node said that it stops.
    pub(super) fn has_stopped(&self, node: &str, generation: u64) -> bool {
        self.heard.get(&(node.into(), generation)).is_some_and(|heard| heard.stopped)
    }

    /// Forgets a node.
    pub(super) fn forget(&mut self, node: &str, generation: u64) {
        self.heard.remove(&(node.into(), generation));
    }
}

#[cfg(test)]
mod tests;
