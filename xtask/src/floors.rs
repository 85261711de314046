//! Floors: which crate may know which.
//!
//! Arrows between crates go strictly down, and two crates of one floor never meet. So the rules
//! can be read without the sockets, and a new engine touches neither. The compiler only forbids
//! circles; an arrow that points up for the first time is no circle yet, and nobody sees it in a
//! long change. Here it is a fault.
//!
//! Some absences are promises as well: the kernel knows no task, clock, randomness, Redis or
//! JSON, the server does not know Redis. They hold for what is shipped; tests may read JSON.
//!
//! Not here: order within a crate (`tidy::order`).

use crate::{
    fault::Fault,
    manifest::{Dependency, Manifest, Need},
    modules,
    source::{self, Kind, Token},
    tree::{self, Tree},
};

/// The floor of each crate, by its folder.
const FLOORS: [(&str, Floor); 7] = [
    ("protocol", Floor::At(0)),
    ("kernel", Floor::At(1)),
    ("sdk/rust", Floor::At(1)),
    ("engine", Floor::At(2)),
    ("server", Floor::At(3)),
    ("usher", Floor::At(4)),
    ("xtask", Floor::Outside),
];

/// Packages of others that a crate does without.
const WITHOUT: [(&str, &[&str]); 4] = [
    ("protocol", &["tokio"]),
    (
        "kernel",
        &["axum", "getrandom", "hyper", "rand", "redis", "serde", "serde_json", "socket2", "tokio"],
    ),
    // One way to do TLS: an app that is linked with two does not know which of them it has.
    ("sdk/rust", &["aws-lc-rs", "native-tls", "openssl"]),
    ("server", &["redis"]),
];

/// Words that a crate's code does not say, outside comments and tests.
const UNSAID: [(&str, &[&str]); 2] =
    [("kernel", &["SystemTime", "Instant::now", "tokio", "serde_json"]), ("server", &["redis"])];

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    /// On a floor, counted from the ground.
    At(u8),
    /// Beside the house: knows no crate of it, and none knows it.
    Outside,
}

/// Every arrow that does not point down, and every word that should be absent.
pub(crate) fn faults(tree: &Tree) -> Vec<Fault> {
    let workspace = Manifest::read(tree.text("Cargo.toml").unwrap_or_default());
    let mut faults = Vec::new();
    let shared = workspace.workspace_dependencies().unwrap_or_else(|lines| {
        faults.extend(unread("Cargo.toml", &lines));
        Vec::new()
    });
    let members = workspace.members();
    if members.is_empty() {
        faults.push(Fault::of("Cargo.toml", "lists no members"));
    }
    for member in &members {
        faults.extend(member_faults(tree, member, &shared));
    }
    for (path, text) in modules::shipped(tree) {
        let words = UNSAID.iter().find(|(folder, _)| path.starts_with(&format!("{folder}/src/")));
        faults
            .extend(words.into_iter().flat_map(|(folder, words)| said(folder, words, &path, text)));
    }
    faults
}

fn member_faults(tree: &Tree, member: &str, shared: &[Dependency]) -> Vec<Fault> {
    let path = format!("{member}/Cargo.toml");
    let Some(floor) = floor_of(member) else {
        return vec![Fault::of(&path, "has no floor; give it one in xtask/src/floors.rs")];
    };
    let Some(text) = tree.text(&path) else {
        return vec![Fault::of(&path, "is a member without a manifest")];
    };
    let dependencies = match Manifest::read(text).dependencies() {
        Ok(dependencies) => dependencies,
        Err(lines) => return unread(&path, &lines).collect(),
    };
    let mut faults = Vec::new();
    for dependency in dependencies {
        let theirs = shared.iter().find(|shared| shared.key == dependency.key);
        if let Some(folder) = folder_of(member, &dependency, theirs) {
            let wrong = match floor_of(&folder) {
                Some(theirs) => arrow(floor, theirs),
                None => Some("which has no floor".to_owned()),
            };
            let told = |why| format!("depends on {folder}, {why}");
            faults.extend(wrong.map(|why| Fault::at(&path, dependency.line, told(why))));
        } else if dependency.need == Need::Shipped {
            let package = theirs.unwrap_or(&dependency).package();
            if without(member).contains(&package) {
                let told = format!("depends on {package}, which {member} does without");
                faults.push(Fault::at(&path, dependency.line, told));
            }
        }
    }
    faults
}

/// The folder of a dependency that is ours; `None` for one of others.
fn folder_of(member: &str, dependency: &Dependency, shared: Option<&Dependency>) -> Option<String> {
    match (&dependency.path, shared.and_then(|shared| shared.path.as_ref())) {
        (Some(own), _) => Some(tree::joined(member, own).unwrap_or_else(|| own.clone())),
        (None, Some(shared)) => Some(shared.clone()),
        (None, None) => None,
    }
}

/// What is wrong with an arrow, if anything.
fn arrow(from: Floor, to: Floor) -> Option<String> {
    match (from, to) {
        (Floor::At(from), Floor::At(to)) if from > to => None,
        (Floor::At(from), Floor::At(to)) => {
            Some(format!("on floor {to}; from floor {from} arrows go strictly down"))
        }
        (Floor::Outside, Floor::At(_)) => Some("but stands outside the house".to_owned()),
        (_, Floor::Outside) => Some("which stands outside the house".to_owned()),
    }
}

fn floor_of(folder: &str) -> Option<Floor> {
    FLOORS.iter().find(|(of, _)| *of == folder).map(|(_, floor)| *floor)
}

fn without(folder: &str) -> &'static [&'static str] {
    WITHOUT.iter().find(|(of, _)| *of == folder).map_or(&[], |(_, packages)| packages)
}

fn unread(path: &str, lines: &[usize]) -> impl Iterator<Item = Fault> {
    lines.iter().map(move |line| Fault::at(path, *line, "cannot be read as a dependency"))
}

/// Where a file of a crate says one of the words.
fn said(folder: &str, words: &[&str], path: &str, text: &str) -> Vec<Fault> {
    let code = source::shipped(text);
    let mut faults = Vec::new();
    for at in 0..code.len() {
        let found = words.iter().find(|word| says(&code[at..], word));
        let fault = |word| Fault::at(path, code[at].line, format!("{folder} names `{word}`"));
        faults.extend(found.map(fault));
    }
    faults
}

/// Whether the code begins with a word, a name made with it, a path, or a string that holds it.
fn says(code: &[Token<'_>], word: &str) -> bool {
    let parts: Vec<&str> = word.split("::").flat_map(|part| ["::", part]).skip(1).collect();
    let has_path =
        code.len() >= parts.len() && parts.iter().zip(code).all(|(part, token)| token.is(part));
    has_path
        || code.first().is_some_and(|token| match token.kind {
            Kind::Word => source::words(token.text).iter().any(|part| part == word),
            Kind::Literal => {
                token.text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word)
            }
            Kind::Mark | Kind::Comment => false,
        })
}

#[cfg(test)]
mod tests;
