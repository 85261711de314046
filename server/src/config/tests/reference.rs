//! The page of documentation, and that nothing is missing on it.

use std::collections::BTreeSet;

use expect_test::expect_file;

use super::super::reference;

#[test]
fn the_page_is_what_the_tables_say() {
    expect_file!["../../../../docs/configuration.md"].assert_eq(&reference());
}

#[test]
fn every_limit_has_a_key_or_is_told_to_have_none() {
    let limits = include_str!("../../../../protocol/src/limit.rs");
    let told = concat!(
        include_str!("../../config.rs"),
        include_str!("../engine.rs"),
        include_str!("../reference.rs")
    );
    // Each name with what ends it, so that none hides behind a longer one.
    let words: BTreeSet<&str> =
        told.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let names =
        limits.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let forgotten: Vec<_> = names.filter(|name| !words.contains(name)).collect();
    assert!(forgotten.is_empty(), "neither the default of a key nor fixed: {forgotten:?}");
}
