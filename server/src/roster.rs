//! Roster: which nodes were listed, which are not any more, and which are so again.
//!
//! A node that is killed cannot say that it stops; the others miss it. So they do one that stands
//! still, and it is back when it goes on. Whoever lost the engine for
//! a while knows nothing of the others, and neither do they of it, so it misses nobody before the
//! list was there for as long as a lease.

use std::{collections::BTreeMap, time::Duration};

use kernel::moment::Moment;
use protocol::http;

/// How long a node must be missing: more than one list says so.
const MISSING: Duration = Duration::from_millis(1500);

/// How long a node that was missed is looked out for.
const LOOKED_OUT_FOR: Duration = Duration::from_secs(3600);

/// A node, by its name and generation.
type Life = (String, u64);

/// Nodes that were listed of late.
#[derive(Debug)]
pub(crate) struct Roster {
    /// How long the list must have been there.
    patience: Duration,
    /// Since when it is.
    since: Option<Moment>,
    /// When each was listed last.
    listed: BTreeMap<Life, Moment>,
    /// Those that were missed, and when.
    missed: BTreeMap<Life, Moment>,
}

/// What became of a node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// It is not there any more.
    Gone { node: String, generation: u64, name: Name },
    /// It was missed, and is there.
    Back(&'a http::Node),
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
        let (listed, missed) = Default::default();
        Self { patience, since: None, listed, missed }
    }

    /// There is no list.
    pub(crate) fn is_unknown(&mut self) {
        self.since = None;
    }

    /// Looks at the list; returns what is new, each once.
    pub(crate) fn look<'a>(&mut self, now: Moment, nodes: &'a [http::Node]) -> Vec<Change<'a>> {
        let since = *self.since.get_or_insert(now);
        let mut changes = Vec::new();
        for node in nodes {
            let life = (node.node.clone(), node.generation);
            if self.missed.remove(&life).is_some() {
                changes.push(Change::Back(node));
            }
            self.listed.insert(life, now);
        }
        if now.is_within(self.patience, since) {
            return changes;
        }
        self.missed.retain(|_, missed| now.is_within(LOOKED_OUT_FOR, *missed));
        self.listed.retain(|(node, generation), last| {
            let stays = now.is_within(MISSING, *last);
            if !stays {
                let is_taken = nodes.iter().any(|other| other.node == *node);
                let name = if is_taken { Name::Taken } else { Name::Free };
                if name == Name::Free {
                    self.missed.insert((node.clone(), *generation), now);
                }
                changes.push(Change::Gone { node: node.clone(), generation: *generation, name });
            }
            stays
        });
        changes
    }
}

#[cfg(test)]
mod tests;
