//! Marks: signs that something was left undone.
//!
//! What is to be done later is an issue, and the mark in the code says which: `TODO(#7)`. A mark
//! without one is forgotten the day after. Code that panics because it was not written, and prints
//! for the one who was looking for a fault, do not land at all.

use crate::{
    fault::Fault,
    source::{self, Kind},
    tree::Tree,
};

/// Macros that stand for code that was not written, or for looking around.
const UNDONE: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Files that have no Rust tokens but comments of their own.
const OTHER_CODE: [&str; 7] = [".ts", ".js", ".lua", ".py", ".sh", ".toml", ".html"];

/// Marks without an issue, and code that was not written.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let rust = tree.texts_ending(".rs").flat_map(|(path, text)| rust_faults(path, text));
    let is_other = |path: &str| OTHER_CODE.iter().any(|end| path.ends_with(end));
    let other = tree.texts().filter(|(path, _)| is_other(path));
    rust.chain(other.flat_map(|(path, text)| comment_faults(path, text, 1))).collect()
}

fn rust_faults(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let tokens = source::tokens(text);
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Comment {
            faults.extend(comment_faults(path, token.text, token.line));
        } else if UNDONE.iter().any(|word| token.is(word))
            && tokens.get(at + 1).is_some_and(|next| next.is("!"))
        {
            faults.push(Fault::at(path, token.line, format!("`{}!` does not land", token.text)));
        }
    }
    faults
}

fn comment_faults(path: &str, comment: &str, first_line: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, line) in comment.lines().enumerate() {
        if after_word(line, concat!("FIX", "ME")).is_some() {
            faults.push(Fault::at(path, first_line + at, "a mark that does not land; mend it"));
        }
        if after_word(line, concat!("TO", "DO")).is_some_and(|after| !has_issue(after)) {
            faults.push(Fault::at(path, first_line + at, "names no issue, as `TODO(#7)` does"));
        }
    }
    faults
}

/// What follows a word, where the line has it.
fn after_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .map(|(at, _)| (&line[..at], &line[at + word.len()..]))
        .find(|(before, after)| !before.ends_with(in_word) && !after.starts_with(in_word))
        .map(|(_, after)| after)
}

fn has_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(id, _)| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
