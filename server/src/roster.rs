//! Roster: which nodes were listed, and which are not any more.
//!
//! A node that is killed cannot say that it stops; the others miss it. Whoever lost the engine for
//! a while knows nothing of the others, and neither do they of it, so it misses nobody before the
//! list was there for as long as a lease.

use std::{collections::BTreeMap, time::Duration};

use kernel::moment::Moment;
use protocol::http;

/// How long a node must be missing: more than one list says so.
const MISSING: Duration = Duration::from_millis(1500);

/// Nodes, by name and generation.
#[derive(Debug)]
pub(crate) struct Roster {
    /// How long the list must have been there.
    patience: Duration,
    /// Since when it is.
    since: Option<Moment>,
    /// When each was listed last.
    listed: BTreeMap<(String, u64), Moment>,
}

/// A node that is not there any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) node: String,
    pub(crate) generation: u64,
    pub(crate) name: Name,
}

/// What became of a node's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// No node has it.
    Free,
    /// Another has it; most likely it was started again.
    Taken,
}

impl Roster {
    /// Knows nobody. `patience` is a lease.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, since: None, listed: BTreeMap::new() }
    }

    /// There is no list.
    pub(crate) fn is_unknown(&mut self) {
        self.since = None;
    }

    /// Looks at the list; returns who is gone, each once.
    pub(crate) fn look(&mut self, now: Moment, nodes: &[http::Node]) -> Vec<Gone> {
        let since = *self.since.get_or_insert(now);
        for node in nodes {
            self.listed.insert((node.node.clone(), node.generation), now);
        }
        let mut gone = Vec::new();
        if now.is_within(self.patience, since) {
            return gone;
        }
        self.listed.retain(|(node, generation), last| {
            let stays = now.is_within(MISSING, *last);
            if !stays {
                let is_taken = nodes.iter().any(|other| other.node == *node);
                let name = if is_taken { Name::Taken } else { Name::Free };
                gone.push(Gone { node: node.clone(), generation: *generation, name });
            }
            stays
        });
        gone
    }
}

#[cfg(test)]
mod tests;
