//! Wheel: the waits of all sessions of a shard, without a timer for each.
//!
//! A session waits for one thing at a time at most, and nearly always for half a minute of
//! silence that does not come. So a wait is never moved: when it comes up, its owner is asked
//! whether it still stands, and put back if not. That makes an entry eight bytes, and traffic free.

use crate::moment::Moment;

/// How exact a wait is.
const TICK_MS: u64 = 100;

/// Ticks until the wheel comes round. Longer waits come up early and are put back.
const TICKS: usize = 512;

/// Waits of many owners.
#[derive(Debug)]
pub struct Wheel<T> {
    buckets: Box<[Vec<T>]>,
    /// The last tick whose waits were taken out.
    done: u64,
    len: usize,
}

impl<T> Wheel<T> {
    /// An empty wheel.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        let buckets = (0..TICKS).map(|_| Vec::new()).collect();
        Self { buckets, done: now.0 / TICK_MS, len: 0 }
    }

    /// Waits for `at`; comes up no later than a tick after it, perhaps earlier. Returns when.
    pub fn wait(&mut self, owner: T, at: Moment) -> Moment {
        let tick = at.0.div_ceil(TICK_MS);
        let tick = tick.clamp(self.done + 1, self.done + TICKS as u64 - 1);
        self.buckets[bucket(tick)].push(owner);
        self.len += 1;
        Moment(tick * TICK_MS)
    }

    /// Takes out the waits that came up.
    pub fn due(&mut self, now: Moment) -> Vec<T> {
        let tick = now.0 / TICK_MS;
        let mut due = Vec::new();
        // After a pause longer than the wheel every bucket is due, once.
        let first = (self.done + 1).max(tick.saturating_sub(TICKS as u64 - 1));
        for tick in first..=tick {
            due.append(&mut self.buckets[bucket(tick)]);
            self.buckets[bucket(tick)].shrink_to(16);
        }
        self.done = self.done.max(tick);
        self.len -= due.len();
        due
    }

    /// When to ask again: the next tick, if anybody waits.
    #[must_use]
    pub fn next(&self) -> Option<Moment> {
        (self.len > 0).then_some(Moment((self.done + 1) * TICK_MS))
    }
}

fn bucket(tick: u64) -> usize {
    usize::try_from(tick % TICKS as u64).expect("less than TICKS")
}

#[cfg(test)]
mod tests;
