//! Tidy: what a reader should be able to count on in every file.
//!
//! Each check is a function from the tree to faults and knows nothing of the others; this file is
//! the list of them. A rule is here when it can be judged from the files alone and a person would
//! forget it: the order of modules, words in names, sizes, heads of files, marks of unfinished
//! work, links that lead nowhere, files that nothing compiles.
//!
//! Not here: what rustfmt and clippy judge, such as the length of functions.

mod order;
mod dead;
mod words;
mod marks;
mod text;
mod links;
mod layout;

use crate::{fault::Fault, tree::Tree};

/// Every check, in the order in which faults are told.
const CHECKS: [fn(&Tree) -> Vec<Fault>; 7] = [
    layout::faults,
    order::faults,
    dead::faults,
    words::faults,
    marks::faults,
    text::faults,
    links::faults,
];

/// All that is untidy.
pub(crate) fn faults(tree: &Tree) -> Vec<Fault> {
    CHECKS.iter().flat_map(|check| check(tree)).collect()
}

#[cfg(test)]
mod tests;
