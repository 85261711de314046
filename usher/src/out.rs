//! Output: data on standard output, the rest on standard error, and no panic when a pipe closes.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes a line of data. Whoever read the pipe may have seen enough; that is no failure.
#[expect(clippy::exit, reason = "nobody is left to tell")]
pub(crate) fn line(text: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes data as the API said it.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(Failure::failed)?);
    Ok(())
}

/// So many sessions, in words.
pub(crate) fn sessions(count: u32) -> String {
    match count {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    }
}

/// Writes a line for a person.
pub(crate) fn note(text: impl AsRef<str>) {
    writeln!(io::stderr().lock(), "{}", text.as_ref()).ok();
}

/// Says why a command failed.
pub(crate) fn problem(failure: &Failure) {
    note(format!("usher: {failure}"));
}

/// Whether a person reads it, and has not asked for plain text (no-color.org).
pub(crate) fn is_colourful(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes rows with their columns aligned.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(cells.join("  ").trim_end());
    }
}
