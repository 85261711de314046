//! Dead: Rust files that nothing compiles.
//!
//! A file whose `mod` line is gone still looks like code, still turns up in searches and is no
//! longer checked by anything. So every file must be a crate's root by Cargo's customs, or be
//! reached from one.

use std::collections::BTreeSet;

use crate::{
    fault::Fault,
    modules::{self, Crate, Extent},
    tree::Tree,
};

/// Files that no root reaches.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let mut reached = BTreeSet::new();
    for root in modules::roots(tree) {
        let one = Crate::read(tree, root, Extent::Whole);
        reached.extend(one.modules().map(|(_, module)| module.file.clone()));
    }
    let dead = tree.texts_ending(".rs").filter(|(path, _)| !reached.contains(*path));
    dead.map(|(path, _)| Fault::of(path, "is reached by no `mod`")).collect()
}

#[cfg(test)]
mod tests;
