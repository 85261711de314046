//! The real workspace, and how the checks' own tests compare.

use super::faults;
use crate::{
    fault::Fault,
    tree::{self, Tree},
};

/// Compares what a check finds, as it prints.
pub(super) fn compare(found: &[Fault], expected: &[&str]) {
    let got: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(got, expected);
}

#[test]
fn this_workspace_is_tidy() {
    let tree = Tree::read(&tree::root()).expect("the workspace can be read");
    compare(&faults(&tree), &[]);
}
