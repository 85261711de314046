//! Layout: the tree as a whole.
//!
//! The root stays short enough to be read at a glance. Large files belong elsewhere, because git
//! keeps each of their versions for good. And each crate takes its lints from the workspace: the
//! one that forgets the line is the one where nothing is checked.

use std::collections::BTreeSet;

use crate::{fault::Fault, manifest::Manifest, tree::Tree};

/// How many files and folders the root may have: the crates, their shared settings, and what a
/// reader looks for.
const ROOT_ENTRIES_MAX: usize = 22;

/// The largest file, in bytes: 1 MB.
const BYTES_MAX: u64 = 1 << 20;

/// A crowded root, large files, crates without lints.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let entries: BTreeSet<_> =
        tree.files().filter_map(|(path, _)| path.split('/').next()).collect();
    if entries.len() > ROOT_ENTRIES_MAX {
        let what = format!("has {} entries, over {ROOT_ENTRIES_MAX}", entries.len());
        faults.push(Fault::of(".", what));
    }
    let large = tree.files().filter(|(_, file)| file.bytes > BYTES_MAX);
    faults.extend(large.map(|(path, _)| Fault::of(path, "is over 1 MB")));
    for (path, text) in tree.texts_ending("Cargo.toml") {
        let manifest = Manifest::read(text);
        // A package with a workspace of its own, as fuzzing wants it, has no lints to take.
        let takes = manifest.has("package") && !manifest.has("workspace");
        if takes && manifest.value("lints", "workspace") != Some("true") {
            faults.push(Fault::of(path, "lacks `[lints] workspace = true`"));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
