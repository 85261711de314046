//! Sweepers: which node sweeps which partition.
//!
//! Any may, and nothing is done twice where two do. But what every node looks at costs Redis as often
//! as there are nodes. So each partition has the one that suits it best, of those that are there;
//! all see nearly the same list, and where they do not, two sweep or one comes a little later.

use std::sync::{Mutex, PoisonError};

use kernel::message::NodeRef;
use protocol::{
    http::{self, NodeState},
    partition::{PARTITIONS, Partition, suitability},
};

/// Every so many rounds each node sweeps a partition all the same, whoever should.
const ALL_THE_SAME: usize = 16;

/// The nodes that are there, as they were listed last; none before the first list.
#[derive(Debug, Default)]
pub(super) struct Sweepers(Mutex<Vec<String>>);

impl Sweepers {
    /// Notes who is there.
    pub(super) fn set(&self, nodes: &[http::Node]) {
        let is_there = |node: &&http::Node| node.state != NodeState::LostEngine;
        let name = |node: &http::Node| NodeRef::from(node).to_string();
        let names = nodes.iter().filter(is_there).map(name).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Which partition is next after `count` of them, and whether `me` is to sweep it.
    pub(super) fn next(&self, me: &NodeRef, count: usize) -> (Partition, bool) {
        let (round, place) = (count / PARTITIONS, count % PARTITIONS);
        let partition = Partition(u8::try_from(place).unwrap_or_default());
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let best = nodes.iter().max_by_key(|node| suitability(partition, node));
        let is_mine = best.is_none_or(|best| *best == me.to_string());
        (partition, is_mine || (round + place) % ALL_THE_SAME == ALL_THE_SAME - 1)
    }
}

#[cfg(test)]
mod tests;
