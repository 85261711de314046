//! Fault: one place that breaks one rule.
//!
//! Every check returns all of its faults instead of stopping at the first, so that one run shows
//! all that is to be mended. They print as `path:line: what`, which terminals and editors make a
//! link of. A line of 0 means the file as a whole.

use std::fmt;

/// One place that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    path: String,
    line: usize,
    what: String,
}

impl Fault {
    /// A fault at a line, counted from 1.
    pub(crate) fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }

    /// A fault of a whole file or folder.
    pub(crate) fn of(path: &str, what: impl Into<String>) -> Self {
        Self::at(path, 0, what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Prints what was found; whether that was nothing.
pub(crate) fn tell(check: &str, faults: &[Fault]) -> bool {
    for fault in faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => println!("{check}: clean"),
        1 => println!("{check}: 1 fault"),
        many => println!("{check}: {many} faults"),
    }
    faults.is_empty()
}
