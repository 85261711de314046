//! Checker: holds a log against what `docs/proof.md` promises.
//!
//! It reads the log and nothing else. Times are judged by bounds that are promised, made longer by
//! [`ALLOWANCE`] and by what the machine withheld from the process that wrote the log.

// Top floor first.
mod tests;
mod tickets;
mod places;
mod delivery;
mod keys;
mod resumes;
mod agreement;
mod voids;
mod ends;
mod nodes;
mod liveness;
pub(crate) mod story;

use std::fmt::Write;

use self::story::{Mark, Story};
use crate::log::Entry;

/// What a busy machine may add to any bound, in milliseconds.
const ALLOWANCE: u64 = 2_000;

/// Lines of the log that one breach shows.
const LINES_MAX: usize = 12;

/// Breaches that are told; the others are counted.
const TOLD_MAX: usize = 12;

/// A promise that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    /// The invariant, as `docs/proof.md` numbers them.
    pub(crate) of: &'static str,
    pub(crate) what: String,
    /// The lines that show it.
    pub(crate) lines: Vec<usize>,
}

impl Breach {
    fn new(of: &'static str, what: String, marks: &[Mark]) -> Self {
        let mut lines: Vec<usize> = marks.iter().map(|mark| mark.line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.truncate(LINES_MAX);
        Self { of, what, lines }
    }
}

/// One of the rules.
type Rule = fn(&Story) -> Vec<Breach>;

const RULES: [Rule; 10] = [
    nodes::judge,
    tickets::judge,
    places::judge,
    delivery::judge,
    keys::judge,
    resumes::judge,
    agreement::judge,
    voids::judge,
    ends::judge,
    liveness::judge,
];

/// All that did not hold.
pub(crate) fn judge(entries: &[Entry]) -> Vec<Breach> {
    let story = Story::of(entries);
    RULES.iter().flat_map(|rule| rule(&story)).collect()
}

/// What did not hold, with the lines that show it.
pub(crate) fn report(entries: &[Entry], breaches: &[Breach]) -> String {
    let mut text = String::new();
    for Breach { of, what, lines } in breaches.iter().take(TOLD_MAX) {
        writeln!(text, "{of}: {what}").expect("it is text");
        for line in lines {
            let entry = entries.get(*line).map(serde_json::to_string);
            let entry = entry.and_then(Result::ok).unwrap_or_default();
            writeln!(text, "    {}: {entry}", line + 1).expect("it is text");
        }
    }
    if breaches.len() > TOLD_MAX {
        writeln!(text, "and {} more", breaches.len() - TOLD_MAX).expect("it is text");
    }
    text
}

/// How long somebody may still be served who lost their place: at once, but for a second, while all
/// is well; for a lease and a second when something is wrong or was a moment ago.
fn served_ms(story: &Story, from: u64, to: u64) -> u64 {
    let terms = story.terms;
    let troubled = story.troubles_in(from.saturating_sub(terms.lease), to).next().is_some();
    (if troubled { terms.lease } else { 0 }) + 1_000 + ALLOWANCE
}
