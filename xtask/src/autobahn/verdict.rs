//! Verdict: what counts as a pass.
//!
//! Every case there is, and each of them `OK`, or `INFORMATIONAL` where the RFC leaves a choice;
//! in what was said and in how it was closed. `NON-STRICT` is no pass: it is how the suite calls
//! bad UTF-8 that was noticed late. Fewer cases than there should be are no pass either.

use std::fmt::Write;

/// One case and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    name: String,
    behavior: String,
    behavior_close: String,
    close_code: String,
}

impl Case {
    /// Reads `name`, behaviour, behaviour at the close and close code, with tabs between.
    pub(super) fn parse(row: &str) -> Option<Self> {
        let columns: Vec<&str> = row.split('\t').collect();
        let &[name, behavior, behavior_close, close_code] = columns.as_slice() else {
            return None;
        };
        Some(Self {
            name: name.to_owned(),
            behavior: behavior.to_owned(),
            behavior_close: behavior_close.to_owned(),
            close_code: close_code.to_owned(),
        })
    }

    fn is_good(&self) -> bool {
        [&self.behavior, &self.behavior_close]
            .iter()
            .all(|b| ["OK", "INFORMATIONAL"].contains(&b.as_str()))
    }

    fn is_informational(&self) -> bool {
        self.is_good() && self.behavior != "OK"
    }
}

/// How a group of cases went.
#[derive(Debug)]
pub(super) struct Verdict {
    group: &'static str,
    expected: usize,
    cases: usize,
    informational: usize,
    bad: Vec<Case>,
}

impl Verdict {
    /// Whether all were there and good.
    pub(super) fn is_pass(&self) -> bool {
        self.bad.is_empty() && self.cases == self.expected
    }
}

/// Judges a group of which there should be so many cases.
pub(super) fn judge(group: &'static str, expected: usize, cases: &[Case]) -> Verdict {
    Verdict {
        group,
        expected,
        cases: cases.len(),
        informational: cases.iter().filter(|case| case.is_informational()).count(),
        bad: cases.iter().filter(|case| !case.is_good()).cloned().collect(),
    }
}

/// A row for each group, then each case that was not good.
pub(super) fn table(verdicts: &[Verdict]) -> String {
    let mut table = "group    cases    ok  informational  bad\n".to_owned();
    let mut line = |text: std::fmt::Arguments<'_>| {
        table.write_fmt(text).expect("a string takes all");
        table.push('\n');
    };
    for verdict in verdicts {
        let Verdict { group, expected, cases, informational, bad } = verdict;
        let ok = cases - informational - bad.len();
        let missing = if cases == expected { String::new() } else { format!(" of {expected}") };
        let bad = bad.len();
        line(format_args!("{group:<8} {cases:>5} {ok:>5} {informational:>14} {bad:>4}{missing}"));
    }
    for Case { name, behavior, behavior_close, close_code } in
        verdicts.iter().flat_map(|verdict| &verdict.bad)
    {
        line(format_args!("{name}: {behavior}, close {behavior_close} with {close_code}"));
    }
    let word = if verdicts.iter().all(Verdict::is_pass) { "passed" } else { "FAILED" };
    table + word
}

#[cfg(test)]
mod tests;
