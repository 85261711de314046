//! Bugs that can be built into a node, and what the checker must say of each.

use std::time::Duration;

use crate::{fault::Fault, plan::Plan, run::Run, shape::Shape};

/// A bug, and how it shows.
#[derive(Debug)]
pub(crate) struct Bug {
    /// What the engine calls it.
    pub(crate) name: &'static str,
    /// A fault in which it shows, which comes again and again.
    fault: Fault,
    /// What is to be blamed, one of these at least.
    breaks: &'static [&'static str],
}

/// How long each is tried.
const TIME: Duration = Duration::from_secs(18);

/// All of them.
pub(crate) const ALL: [Bug; 5] = [
    Bug { name: "ticket", fault: Fault::DoorCut, breaks: &["I1"] },
    Bug { name: "notice", fault: Fault::DoorCut, breaks: &["I4"] },
    Bug { name: "epoch", fault: Fault::RedisRewound, breaks: &["I6"] },
    Bug { name: "fence", fault: Fault::DoorCut, breaks: &["I3b", "I10", "I11"] },
    Bug { name: "acknowledge", fault: Fault::RedisKilled, breaks: &["I16"] },
];

impl Bug {
    /// Whether the right thing was blamed.
    pub(crate) fn is_found(&self, broken: &[&str]) -> bool {
        self.breaks.iter().any(|of| broken.contains(of))
    }

    pub(crate) fn run(&self, seed: u64) -> Run {
        let plan = Plan::new(seed, Shape::Redis, &[self.fault], TIME);
        let name = format!("planted-{}", self.name);
        Run { plan, times: 1, planted: Some(self.name), name }
    }
}
