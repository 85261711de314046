//! Verdict: how a run went, in a word, with a code that others can tell apart.

use std::fmt::Write;

use crate::{
    checker::Breach,
    log::{Entry, What},
};

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    /// A promise of what is delivered, to whom, and who is there.
    Correctness,
    /// Somebody did not get in, or did not get something, when all was over.
    Liveness,
    /// A node panicked, or ended by itself.
    Crash,
    /// It could not be run, or not be read.
    Setup,
}

/// How it went, and why.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) text: String,
    /// The invariants that did not hold.
    pub(crate) broken: Vec<&'static str>,
}

impl Outcome {
    /// What the process exits with. 1, 2 and 101 are those of others.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Fine => 0,
            Self::Correctness => 10,
            Self::Liveness => 11,
            Self::Crash => 12,
            Self::Setup => 13,
        }
    }
}

impl Verdict {
    pub(crate) fn setup(text: String) -> Self {
        Self { outcome: Outcome::Setup, text, broken: Vec::new() }
    }

    /// The worst of what did not hold.
    pub(crate) fn of(breaches: &[Breach], mut text: String, entries: &[Entry]) -> Self {
        let mut broken: Vec<&str> = breaches.iter().map(|breach| breach.of).collect();
        broken.sort_unstable();
        broken.dedup();
        let outcome = match broken.as_slice() {
            [] => Outcome::Fine,
            broken if broken.contains(&"I17") => Outcome::Crash,
            ["I19"] => Outcome::Liveness,
            _ => Outcome::Correctness,
        };
        if let (false, Some(What::Plan { text: plan, .. })) =
            (broken.is_empty(), entries.first().map(|first| &first.what))
        {
            write!(text, "\nplan: {plan}").expect("it is text");
        }
        write!(text, "\n{}", summary(entries)).expect("it is text");
        Self { outcome, text, broken }
    }
}

/// How much happened.
fn summary(entries: &[Entry]) -> String {
    let count = |is_it: fn(&What) -> bool| entries.iter().filter(|one| is_it(&one.what)).count();
    let late: u64 =
        entries.iter().map(|one| if let What::Late { ms } = one.what { ms } else { 0 }).sum();
    format!(
        "{} faults, {} sockets, {} welcomes of which {} resumed, {} messages sent, {} deliveries, \
         {} gaps; this machine withheld {late} ms",
        count(|what| matches!(what, What::Fault { phase: crate::log::Phase::Begins, .. })),
        count(|what| matches!(what, What::Dial { .. })),
        count(|what| matches!(what, What::Welcome { .. })),
        count(|what| matches!(what, What::Welcome { resumed: true, .. })),
        count(|what| matches!(what, What::Sent { fate: crate::log::Fate::Accepted, .. })),
        count(|what| matches!(what, What::Message { .. })),
        count(|what| matches!(what, What::Gap { .. })),
    )
}
