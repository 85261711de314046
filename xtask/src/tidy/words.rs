//! Words: names that say nothing, or that mean something else here.
//!
//! One thing has one word, in code, API, logs and docs. The words below are those that creep in:
//! some name no thing at all, some stand for two of ours at once. Only what is defined here is
//! judged, because the names of others are theirs, and comments and strings may speak as people do.

use crate::{
    fault::Fault,
    modules,
    source::{self, Kind},
    tree::Tree,
};

/// What a name may not contain, and what to say instead.
const BANNED: [(&str, &str); 9] = [
    ("client", "session, device or SDK"),
    ("connection", "session or socket"),
    ("channel", "topic, inbox or outbox"),
    ("hub", "node or shard"),
    ("manager", "what it keeps or decides"),
    ("handler", "what it does"),
    ("util", "the noun that is in it"),
    ("common", "the noun that is in it"),
    ("helper", "what it does"),
];

/// Where such a word is right, and why.
const ALLOWED: [(&str, &[&str], &str); 1] =
    [("sdk/", &["client", "connection"], "an SDK is a client, and its users look for that word")];

/// What stands before a name that is defined.
const DEFINING: [&str; 11] = [
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "mod",
    "fn",
    "const",
    "static",
    "let",
    "macro_rules",
];

/// Names with a banned word in them, outside tests.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    modules::shipped(tree).iter().flat_map(|(path, text)| file_faults(path, text)).collect()
}

fn file_faults(path: &str, text: &str) -> Vec<Fault> {
    let code = source::shipped(text);
    let mut faults = Vec::new();
    for (at, token) in code.iter().enumerate() {
        if !DEFINING.iter().any(|word| token.is(word)) {
            continue;
        }
        let name = code[at + 1..].iter().find(|next| !next.is("mut") && !next.is("!"));
        if let Some(name) = name.filter(|name| name.kind == Kind::Word)
            && let Some((word, instead)) = banned(path, name.text)
        {
            let what = format!("`{}` contains \"{word}\"; say {instead}", name.text);
            faults.push(Fault::at(path, name.line, what));
        }
    }
    faults
}

fn banned(path: &str, name: &str) -> Option<&'static (&'static str, &'static str)> {
    let words = source::words(name);
    let has = |word: &str| words.iter().any(|w| w == word || w.strip_suffix('s') == Some(word));
    let allowed = |word: &str| {
        let here =
            |(of, words, _): &(&str, &[&str], &str)| path.starts_with(of) && words.contains(&word);
        ALLOWED.iter().any(here)
    };
    BANNED.iter().find(|(word, _)| has(word) && !allowed(word))
}

#[cfg(test)]
mod tests;
