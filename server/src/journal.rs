//! Journal: the last events of a node, for those who watch it and those who come back to watch.
//!
//! All watchers read from one ring, each at its own pace. So an event is kept once however many
//! watch, a slow watcher costs no memory and holds up nobody, and who was away goes on where it
//! left off. Whoever is further behind than the ring reaches is told of the gap. What is kept are
//! values; they are written as text by those who want text.
//!
//! What other nodes tell is in the same ring. Where one is in it only this node can say, so each
//! event that has another node's number comes with the place that it has here.
//!
//! Not here: what the events are (`protocol::event`), how they get to anybody (`http::events`), when
//! others are listened to (`node::news`).

mod ring;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::fleet::Told;
use kernel::message::NodeRef;
use protocol::{
    event::{Event, Gap, GapReason, Kind, Number, What},
    http,
    name::UserId,
    time::Timestamp,
};
use tokio::sync::{Notify, futures::Notified};

use self::ring::{Kept, Ring};
use crate::clock::Clock;

/// Events that a watcher takes at once, so that it locks seldom.
const BATCH: usize = 64;

/// Events that it looks at while it holds the lock.
const LOOK: usize = 512;

/// How long a watcher that was woken waits for more, so that a flood of events does not wake it for
/// each. Nobody sees the difference.
pub(crate) const PACE: Duration = Duration::from_millis(5);

/// The last events of a node, and of those that it listens to.
pub struct Journal {
    node: Arc<str>,
    generation: u64,
    ring: Mutex<Ring>,
    news: Notify,
}

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Which it is.
    pub number: Number,
    /// What it is.
    pub event: Event,
    /// Where a watcher goes on after it, if its number does not say so.
    pub place: Option<Number>,
}

/// Whose events a watcher wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// All that this node knows of.
    #[default]
    All,
    /// What happened at this node, or was noticed by it.
    Own,
}

/// Which events a watcher wants. Of gaps everybody is told.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Whose.
    pub whose: Whose,
    /// Only those about this user.
    pub user: Option<UserId>,
    /// Only those of these types; all if there are none.
    pub kinds: Vec<Kind>,
}

impl Filter {
    fn wants(&self, kept: &Kept) -> bool {
        let Kept { what, other, at: _ } = kept;
        let was_told = other.as_ref().is_some_and(|other| other.number.is_some());
        if was_told && self.whose == Whose::Own {
            return false;
        }
        if matches!(what, What::Gap(_)) {
            return true;
        }
        let kind_wanted =
            self.kinds.is_empty() || what.kind().is_some_and(|kind| self.kinds.contains(&kind));
        kind_wanted && self.user.as_ref().is_none_or(|user| what.user() == Some(user))
    }
}

/// Someone who watches.
#[derive(Debug)]
pub struct Watcher {
    journal: Arc<Journal>,
    filter: Filter,
    /// The last event that it looked at, or that it says it has.
    seen: u64,
    /// Why it would miss events that are not kept any more.
    reason: GapReason,
    taken: VecDeque<Numbered>,
}

impl Journal {
    /// A journal without events.
    #[must_use]
    pub fn new(me: &NodeRef) -> Self {
        Self {
            node: (&*me.id).into(),
            generation: me.generation,
            ring: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Notes what happened, unless the journal is closed.
    pub fn add(&self, what: What) {
        let at = Clock::timestamp();
        self.note(|ring| ring.push(Kept { at, what, other: None }));
    }

    /// Notes what another node tells, unless the journal is closed.
    pub fn hear(&self, told: Told) {
        self.note(|ring| ring.hear(told, &self.node, Clock::timestamp()));
    }

    /// Notes that another node is there no more: that it stopped, if it did not say so.
    pub fn miss(&self, node: &str, generation: u64) {
        self.note(|ring| match ring.has_stopped(node, generation) {
            true => ring.forget(node, generation),
            false => drop(ring.push(Kept::of(node, What::NodeDown))),
        });
    }

    /// Notes that another node, which was missed, is there again.
    pub fn meet_again(&self, node: &http::Node) {
        let up = What::NodeUp { version: node.version.clone() };
        self.note(|ring| ring.push(Kept::of(&node.node, up)));
    }

    /// What had to go for it is dropped when others may look again.
    fn note<T>(&self, note: impl FnOnce(&mut Ring) -> T) {
        let mut ring = self.ring();
        if ring.closed {
            return;
        }
        let _gone = note(&mut ring);
        drop(ring);
        self.news.notify_waiters();
    }

    /// Notes that another life of a node's name is there in place of this one.
    pub fn forget(&self, node: &str, generation: u64) {
        self.ring().forget(node, generation);
    }

    /// What happened at this node after a place of its own, for others; not all of it at once.
    #[must_use]
    pub fn told_after(&self, place: u64) -> Told {
        self.ring().told_after(place, &self.node, self.generation)
    }

    /// The place before all that happened since.
    #[must_use]
    pub fn place_before(&self, since: Timestamp) -> u64 {
        self.ring().place_before(since)
    }

    /// Returns when something is added after this call.
    pub fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// Nothing happens any more; watchers end when they have seen everything.
    pub fn close(&self) {
        self.ring().closed = true;
        self.news.notify_waiters();
    }

    /// Watches from now on.
    #[must_use]
    pub fn watch(self: &Arc<Self>, filter: Filter) -> Watcher {
        let seen = self.ring().last;
        self.watcher(filter, seen, GapReason::Slow)
    }

    /// Watches from after an event on, as far as they are kept.
    #[must_use]
    pub fn watch_after(self: &Arc<Self>, filter: Filter, after: &Number) -> Watcher {
        let (oldest, last, heard) = {
            let ring = self.ring();
            (ring.oldest(), ring.last, ring.place_of(after))
        };
        let reason = if after.node != self.node {
            GapReason::Unknown
        } else if after.generation != self.generation {
            GapReason::Restarted
        } else if after.n > last {
            GapReason::Unknown
        } else {
            return self.watcher(filter, after.n, GapReason::Expired);
        };
        // Elsewhere events are in another order, and nobody knows where this number was read.
        let place = heard.unwrap_or(oldest - 1);
        let mut watcher = self.watcher(filter, place, GapReason::Slow);
        let (after, until) = (after.clone(), self.number(place));
        watcher.taken.push_back(self.gap(Gap { after, until, reason, missed: None }));
        watcher
    }

    /// Watches what happens at this node, from its first event on.
    #[must_use]
    pub fn watch_own(self: &Arc<Self>) -> Watcher {
        let own = Filter { whose: Whose::Own, ..Filter::default() };
        self.watcher(own, 0, GapReason::Expired)
    }

    fn watcher(self: &Arc<Self>, filter: Filter, seen: u64, reason: GapReason) -> Watcher {
        let journal = Arc::clone(self);
        Watcher { journal, filter, seen, reason, taken: VecDeque::new() }
    }

    fn gap(&self, gap: Gap) -> Numbered {
        let number = gap.until.clone();
        Numbered { number, event: self.event(Clock::timestamp(), What::Gap(gap)), place: None }
    }

    fn numbered(&self, place: u64, kept: &Kept) -> Numbered {
        let (at, what, here) = (kept.at, kept.what.clone(), self.number(place));
        match &kept.other {
            None => Numbered { number: here, event: self.event(at, what), place: None },
            Some(other) => {
                let event = Event { at, node: Arc::clone(&other.node), what };
                let (number, place) = match &other.number {
                    Some(number) => (number.clone(), Some(here)),
                    None => (here, None),
                };
                Numbered { number, event, place }
            }
        }
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        Event { at, node: self.node.clone(), what }
    }

    fn number(&self, n: u64) -> Number {
        Number { node: self.node.clone(), generation: self.generation, n }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// The next event that is wanted, or a gap; none when the journal is closed and all is seen.
    pub async fn next(&mut self) -> Option<Numbered> {
        loop {
            if let Some(next) = self.taken.pop_front() {
                return Some(next);
            }
            let journal = Arc::clone(&self.journal);
            // Made before the look, so that what is added after it wakes.
            let news = journal.news.notified();
            match self.take() {
                Look::More => {}
                Look::Wait => {
                    news.await;
                    tokio::time::sleep(PACE).await;
                }
                Look::Over => return None,
            }
        }
    }

    /// The last event that it was given, or that was not for it since.
    #[must_use]
    pub fn seen(&self) -> Number {
        match self.taken.front() {
            None => self.journal.number(self.seen),
            Some(Numbered { place: Some(place), .. }) => self.journal.number(place.n - 1),
            Some(Numbered { event: Event { what: What::Gap(gap), .. }, .. }) => gap.after.clone(),
            Some(next) => self.journal.number(next.number.n - 1),
        }
    }

    /// Returns when the journal is closed, whatever there is still to see.
    pub async fn closed(&self) {
        loop {
            let news = self.journal.news.notified();
            if self.journal.ring().closed {
                return;
            }
            news.await;
        }
    }

    /// An event that is nowhere but in this feed.
    #[must_use]
    pub fn event(&self, what: What) -> Event {
        self.journal.event(Clock::timestamp(), what)
    }

    fn take(&mut self) -> Look {
        let ring = self.journal.ring();
        if self.seen == ring.last {
            return if ring.closed { Look::Over } else { Look::Wait };
        }
        let oldest = ring.oldest();
        let missed = oldest.saturating_sub(self.seen + 1);
        if missed > 0 {
            let (after, until) = (self.journal.number(self.seen), self.journal.number(oldest - 1));
            let gap = Gap { after, until, reason: self.reason, missed: Some(missed) };
            self.taken.push_back(self.journal.gap(gap));
            self.seen = oldest - 1;
        }
        self.reason = GapReason::Slow;
        for kept in ring.after(self.seen).take(LOOK) {
            self.seen += 1;
            if self.filter.wants(kept) {
                self.taken.push_back(self.journal.numbered(self.seen, kept));
            }
            if self.taken.len() >= BATCH {
                break;
            }
        }
        Look::More
    }
}

/// What a look into the ring found.
enum Look {
    More,
    Wait,
    Over,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("node", &self.node).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
