//! Which fuzzers are run.

use super::{chosen, targets};
use crate::tree;

#[test]
fn all_are_run_or_the_one_that_is_named() {
    let all = || vec!["body".to_owned(), "codec".to_owned()];
    assert_eq!(chosen(all(), None), Ok(all()));
    assert_eq!(chosen(all(), Some("codec")), Ok(vec!["codec".to_owned()]));
    let why = "no target code; there are body, codec";
    assert_eq!(chosen(all(), Some("code")), Err(why.to_owned()));
}

#[test]
fn the_fuzzers_are_found() {
    let found = targets(&tree::root().join("server/fuzz")).unwrap();
    assert!(found.contains(&"codec".to_owned()) && found.is_sorted(), "{found:?}");
}
