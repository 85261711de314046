//! Order: a module names only modules that its parent lists below it.
//!
//! A parent's list of `mod`s, from the top floor down, is the shortest picture of a crate that
//! there is, and it stays true only while something checks it. The rule is one: where a name leads
//! from one branch of the tree to another, the branch that it leads to is listed further down, in
//! the file where the two part. So a module may name its own parents and children; a submodule
//! may not name what its parent might not.
//!
//! A thing that a parent passes on with `use` counts as where it lives. Tests are exempt.

use std::collections::BTreeSet;

use crate::{
    fault::Fault,
    modules::{self, Crate, Extent, ModulePath},
    tree::Tree,
};

/// Names that lead up.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let roots = modules::roots(tree).filter(|root| root.contains("src/"));
    let crates = roots.map(|root| Crate::read(tree, root, Extent::Shipped));
    crates.flat_map(|one| crate_faults(&one)).collect()
}

/// In a set, since a line that says a name twice breaks the rule once.
fn crate_faults(one: &Crate) -> BTreeSet<Fault> {
    let mut faults = BTreeSet::new();
    for (path, module) in one.modules() {
        for name in &module.names {
            let Some(target) = one.resolve(path, &name.segments) else { continue };
            if let Some(why) = leads_up(one, path, &target) {
                faults.insert(Fault::at(&module.file, name.line, why));
            }
        }
    }
    faults
}

fn leads_up(one: &Crate, from: &[String], to: &ModulePath) -> Option<String> {
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    // Where one is above the other in the same branch, there is no second branch.
    let (ours, theirs) = (from.get(shared)?, to.get(shared)?);
    let parent = one.get(&from[..shared])?;
    let rank = |child| parent.children.iter().position(|listed| listed == child);
    (rank(theirs) < rank(ours)).then(|| {
        format!("`{ours}` names `{}`, but {} lists `{theirs}` above it", to.join("::"), parent.file)
    })
}

#[cfg(test)]
mod tests;
