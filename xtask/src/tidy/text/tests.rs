//! Files of text, right and wrong.

use super::{LINES_MAX, faults};
use crate::{tidy::tests::compare, tree::Tree};

fn check(path: &str, text: &str, expected: &[&str]) {
    compare(&faults(&Tree::from([(path, text)])), expected);
}

#[test]
fn a_rust_file_says_what_it_is_for() {
    check("a.rs", "//! For this.\n", &[]);
    check("a.rs", "// For this.\n", &["a.rs:1: begins without `//!`: what is this file for?"]);
    check("a.lua", "return 1\n", &[]);
}

#[test]
fn a_file_of_code_ends_in_time() {
    let most = "//! x\n".repeat(LINES_MAX);
    check("a.rs", &most, &[]);
    let over = format!("{most}x\n");
    check("a.rs", &over, &["a.rs: has 601 lines, over 600; which second noun is in it?"]);
    check("a.json", &over, &[]);
}

#[test]
fn lines_have_no_space_at_the_end_and_no_tabs() {
    check(
        "a.md",
        "one \ntwo\tthree\n\tfour\n",
        &["a.md:1: ends in space", "a.md:2: has a tab", "a.md:3: has a tab"],
    );
    check("a.md", "one\r\n", &["a.md:1: ends in space"]);
    check("Makefile", "all:\n\ttrue \n", &[]);
}

#[test]
fn no_text_names_a_folder_of_one_machine() {
    let says = |before: &str| format!("{before}{}", concat!("/ho", "me/alice/x"));
    let fault = format!("a.sh:1: names a folder of one machine, {}", concat!("/ho", "me/"));
    for before in ["", "cd ", "x=\"", "file://"] {
        check("a.sh", &says(before), &[fault.as_str()]);
    }
    for before in ["docs", "$X", "${X}", "~", "https://example.org"] {
        check("a.sh", &says(before), &[]);
    }
}
