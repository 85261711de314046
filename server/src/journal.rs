//! Journal: the last events of a node, for those who watch it and those who come back to watch.
//!
//! All watchers read from one ring, each at its own pace. So an event is kept once however many
//! watch, a slow watcher costs no memory and holds up nobody, and who was away goes on where it
//! left off. Whoever is further behind than the ring reaches is told of the gap. What is kept are
//! values; they are written as text by those who want text.
//!
//! Not here: what the events are (`protocol::event`), how they get to anybody (`http::events`).

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::message::NodeRef;
use protocol::{
    event::{Event, Gap, GapReason, Kind, Number, What},
    limit,
    name::UserId,
    time::Timestamp,
};
use tokio::sync::Notify;

use crate::clock::Clock;

/// Events that a watcher takes at once, so that it locks seldom.
const BATCH: usize = 64;

/// Events that it looks at while it holds the lock.
const LOOK: usize = 512;

/// How long a watcher that was woken waits for more, so that a flood of events does not wake it for
/// each. Nobody sees the difference.
const PACE: Duration = Duration::from_millis(5);

/// The last events of a node.
pub struct Journal {
    node: Arc<str>,
    generation: u64,
    ring: Mutex<Ring>,
    news: Notify,
}

#[derive(Debug)]
struct Ring {
    kept: VecDeque<(Timestamp, What)>,
    /// The number of the last one; 0 before the first.
    last: u64,
    closed: bool,
}

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Which it is.
    pub number: Number,
    /// What it is.
    pub event: Event,
}

/// Which events a watcher wants. Of gaps everybody is told.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those about this user.
    pub user: Option<UserId>,
    /// Only those of these types; all if there are none.
    pub kinds: Vec<Kind>,
}

impl Filter {
    fn wants(&self, what: &What) -> bool {
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
            ring: Mutex::new(Ring { kept: VecDeque::new(), last: 0, closed: false }),
            news: Notify::new(),
        }
    }

    /// Notes what happened, unless the journal is closed.
    pub fn add(&self, what: What) {
        let at = Clock::timestamp();
        let mut ring = self.ring();
        if ring.closed {
            return;
        }
        let oldest =
            if ring.kept.len() == limit::EVENTS_KEPT { ring.kept.pop_front() } else { None };
        ring.kept.push_back((at, what));
        ring.last += 1;
        drop(ring);
        drop(oldest);
        self.news.notify_waiters();
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
        let (oldest, last) = {
            let ring = self.ring();
            (ring.oldest(), ring.last)
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
        let mut watcher = self.watcher(filter, oldest - 1, GapReason::Slow);
        let (after, until) = (after.clone(), self.number(oldest - 1));
        watcher.taken.push_back(self.gap(Gap { after, until, reason, missed: None }));
        watcher
    }

    /// Watches from the first event on.
    #[must_use]
    pub fn watch_all(self: &Arc<Self>) -> Watcher {
        self.watcher(Filter::default(), 0, GapReason::Expired)
    }

    fn watcher(self: &Arc<Self>, filter: Filter, seen: u64, reason: GapReason) -> Watcher {
        let journal = Arc::clone(self);
        Watcher { journal, filter, seen, reason, taken: VecDeque::new() }
    }

    fn gap(&self, gap: Gap) -> Numbered {
        let number = gap.until.clone();
        Numbered { number, event: self.event(Clock::timestamp(), What::Gap(gap)) }
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

impl Ring {
    /// The number of the oldest event that is kept, or of the next one if none is.
    fn oldest(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
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
        match self.taken.front().map(|next| &next.event.what) {
            None => self.journal.number(self.seen),
            Some(What::Gap(gap)) => gap.after.clone(),
            Some(_) => self.journal.number(self.taken[0].number.n - 1),
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
        let skip = usize::try_from(self.seen + 1 - oldest).expect("within what is kept");
        for (at, what) in ring.kept.iter().skip(skip).take(LOOK) {
            self.seen += 1;
            if self.filter.wants(what) {
                let (number, event) =
                    (self.journal.number(self.seen), self.journal.event(*at, what.clone()));
                self.taken.push_back(Numbered { number, event });
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
