//! Tally: what a node did since it started, in numbers.
//!
//! The one place where things are counted. What is told as an event is counted as it is told; what
//! shards did, each shard counts for itself and publishes here, where it alone writes, so that no
//! two threads fight for a number. What there is now (sessions, users) is not counted up and down:
//! it is asked of those who have it.
//!
//! Not here: how the numbers are shown (`http::metrics`, `node::stats`).

mod code;
mod shard;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use protocol::{
    event::What,
    http::{AdmissionStats, MessageStats},
    problem::ProblemCode,
};

pub(crate) use self::{
    code::Codes,
    shard::{Deliveries, Held, ShardTally, TIMES_MS},
};

/// How many problems there are.
const PROBLEMS: usize = ProblemCode::ALL.len();

/// What a node did.
#[derive(Debug)]
pub(crate) struct Tally {
    opened: AtomicU64,
    resumed: AtomicU64,
    /// Connect attempts that were refused.
    pub(crate) refused: Problems,
    /// Sessions that lost their socket.
    pub(crate) parked: Codes,
    pub(crate) ended: Codes,
    accepted: AtomicU64,
    /// Messages that were not accepted.
    pub(crate) not_accepted: Problems,
    shards: Box<[ShardTally]>,
}

/// A number for each problem.
#[derive(Debug)]
pub(crate) struct Problems([AtomicU64; PROBLEMS]);

impl Tally {
    /// Nothing yet, by so many shards.
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            opened: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            refused: Problems::default(),
            parked: Codes::default(),
            ended: Codes::default(),
            accepted: AtomicU64::new(0),
            not_accepted: Problems::default(),
            shards: (0..shards).map(|_| ShardTally::default()).collect(),
        }
    }

    /// Counts something that is told.
    pub(crate) fn count(&self, what: &What) {
        match what {
            What::SessionOpened { .. } => add_one(&self.opened),
            What::SessionResumed { .. } => add_one(&self.resumed),
            What::SessionParked { code, .. } => self.parked.count(*code),
            What::SessionEnded { code, .. } => self.ended.count(*code),
            What::MessageAccepted { .. } => add_one(&self.accepted),
            What::TicketRefused { problem, .. } => self.refused.count(*problem),
            What::UserOnline { .. }
            | What::UserOffline { .. }
            | What::NodeUp { .. }
            | What::NodeDraining
            | What::NodeDown
            | What::EngineUp
            | What::EngineDown
            | What::Stats(_)
            | What::Gap(_)
            | What::Other(_) => {}
        }
    }

    /// The numbers of one shard.
    pub(crate) fn shard(&self, index: usize) -> &ShardTally {
        &self.shards[index]
    }

    /// What all shards did together.
    pub(crate) fn deliveries(&self) -> Deliveries {
        self.shards.iter().fold(Deliveries::default(), |mut sum, shard| {
            shard.add_to(&mut sum);
            sum
        })
    }

    /// Sessions that were opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Sessions that came back, as often as they did.
    pub(crate) fn resumed(&self) -> u64 {
        self.resumed.load(Relaxed)
    }

    /// Messages that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connect attempts, as statistics show them.
    pub(crate) fn admission_stats(&self) -> AdmissionStats {
        let refused = self.refused.counted().map(|(code, n)| (code.name().to_owned(), n));
        AdmissionStats { ok: self.opened() + self.resumed(), refused: refused.collect() }
    }

    /// Messages, as statistics show them.
    pub(crate) fn message_stats(&self, deliveries: &Deliveries) -> MessageStats {
        MessageStats {
            accepted: self.accepted(),
            delivered: deliveries.live,
            replayed: deliveries.replayed,
            dropped: deliveries.dropped,
        }
    }
}

impl Problems {
    pub(crate) fn count(&self, problem: ProblemCode) {
        add_one(&self.0[problem as usize]);
    }

    /// Those that there were.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (ProblemCode, u64)> {
        let all = ProblemCode::ALL.iter().zip(&self.0);
        all.map(|(problem, count)| (*problem, count.load(Relaxed))).filter(|(_, n)| *n > 0)
    }
}

impl Default for Problems {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PROBLEMS])
    }
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests;
