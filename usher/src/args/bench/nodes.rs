//! Nodes: how many of them are measured, and what they share.

use clap::Args;

use crate::failure::Failure;

/// The engine that one node has to itself.
const MEMORY: &str = "memory:";

/// Which Redis: one that is started for the measurement, or this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared<'a> {
    Started,
    Given(&'a str),
}

/// How many nodes to start, and on what.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Nodes {
    /// Start this many nodes, each a process of its own, on one Redis
    #[arg(long, value_name = "N", conflicts_with_all = ["server", "pid"], value_parser = clap::value_parser!(u16).range(1..=32))]
    nodes: Option<u16>,
    /// What they keep sessions in: redis: starts a redis-server for the measurement, and is taken
    /// where there are several nodes; redis://host:port is one that is there, which is left as it was
    #[arg(long, value_name = "URL", conflicts_with_all = ["server", "pid"])]
    engine: Option<String>,
}

impl Nodes {
    /// The same, with this many nodes where their number was not given.
    pub(crate) fn or(&self, count: u16) -> Self {
        Self { nodes: self.nodes.or(Some(count)), ..self.clone() }
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.nodes.unwrap_or(1))
    }

    /// The Redis that they share; `None` if there is one node with all in its own memory.
    pub(crate) fn shared(&self) -> Result<Option<Shared<'_>>, Failure> {
        match self.engine.as_deref() {
            None if self.count() == 1 => Ok(None),
            None | Some("redis:") => Ok(Some(Shared::Started)),
            Some(MEMORY) if self.count() == 1 => Ok(None),
            Some(MEMORY) => Err(Failure::usage(
                "nodes that keep all in memory share nothing; give --engine redis:",
            )),
            Some(url) if url.starts_with("redis://") => Ok(Some(Shared::Given(url))),
            Some(_) => Err(Failure::usage(
                "--engine is memory:, redis: or redis://host:port; others cannot be measured here",
            )),
        }
    }

    /// Refuses a single node, where only several make sense.
    pub(crate) fn want_several(&self, what: &str) -> Result<(), Failure> {
        match self.count() {
            1 => Err(Failure::usage(format!("{what} wants several nodes; give --nodes 2 or more"))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
