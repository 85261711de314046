//! Text: what every file of text keeps to.
//!
//! A Rust file opens by saying what it is for. No file is so long that it hides a second noun. No
//! text names a folder of the machine that it was written on, since nobody else has that folder.
//! Space at line ends and tabs make changes where nothing changed.

use crate::{fault::Fault, tree::Tree};

/// The longest that a file of code may be.
const LINES_MAX: usize = 600;

/// Files that are code, and so have a longest length.
const CODE: [&str; 6] = [".rs", ".ts", ".js", ".lua", ".py", ".sh"];

/// Folders of one machine; split, so that this file does not name them.
const MACHINE: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// Heads, lengths, line ends and paths that are not right.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    tree.texts().flat_map(|(path, text)| file_faults(path, text)).collect()
}

fn file_faults(path: &str, text: &str) -> Vec<Fault> {
    let ends = |name: &str| path.ends_with(name);
    let mut faults = Vec::new();
    if ends(".rs") && !text.starts_with("//!") {
        faults.push(Fault::at(path, 1, "begins without `//!`: what is this file for?"));
    }
    let lines = text.lines().count();
    if CODE.into_iter().any(ends) && lines > LINES_MAX {
        let what = format!("has {lines} lines, over {LINES_MAX}; which second noun is in it?");
        faults.push(Fault::of(path, what));
    }
    // `lines` would take a carriage return away.
    for (at, line) in text.split('\n').enumerate() {
        let mut fault = |what: String| faults.push(Fault::at(path, at + 1, what));
        if ends(".rs") || ends(".md") {
            if line.ends_with([' ', '\t', '\r']) {
                fault("ends in space".to_owned());
            }
            if line.contains('\t') {
                fault("has a tab".to_owned());
            }
        }
        for folder in MACHINE.into_iter().filter(|folder| names_folder(line, folder)) {
            fault(format!("names a folder of one machine, {folder}"));
        }
    }
    faults
}

/// Whether a path begins with the folder; one of that name further down does not count.
fn names_folder(line: &str, folder: &str) -> bool {
    let in_path = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '}' | '*');
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(in_path))
}

#[cfg(test)]
mod tests;
