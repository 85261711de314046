//! Trees that are crowded, heavy, or without lints.

use super::{BYTES_MAX, faults};
use crate::{tidy::tests::compare, tree::Tree};

#[test]
fn each_crate_takes_the_lints_of_the_workspace() {
    let tree = Tree::from([
        ("Cargo.toml", "[workspace]\nmembers = []"),
        ("a/Cargo.toml", "[package]\n[lints]\nworkspace = true"),
        ("b/Cargo.toml", "[package]\n[lints]\n# workspace = true"),
        ("b/fuzz/Cargo.toml", "[package]\n[workspace]"),
    ]);
    compare(&faults(&tree), &["b/Cargo.toml: lacks `[lints] workspace = true`"]);
}

#[test]
fn large_files_are_found() {
    let most = "x".repeat(usize::try_from(BYTES_MAX).expect("1 MB is a usize"));
    let over = format!("{most}x");
    let tree = Tree::from([("docs/a.svg", most.as_str()), ("docs/b.svg", over.as_str())]);
    compare(&faults(&tree), &["docs/b.svg: is over 1 MB"]);
}

#[test]
fn the_root_stays_short() {
    let names: [String; 24] = std::array::from_fn(|n| format!("{n:02}/file"));
    let root = |count: usize| {
        let files: [(&str, &str); 24] =
            std::array::from_fn(|n| (names[n.min(count - 1)].as_str(), ""));
        Tree::from(files)
    };
    compare(&faults(&root(22)), &[]);
    compare(&faults(&root(23)), &[".: has 23 entries, over 22"]);
}
