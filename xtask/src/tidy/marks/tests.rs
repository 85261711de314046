//! Marks with and without an issue.

use super::faults;
use crate::{tidy::tests::compare, tree::Tree};

fn check(path: &str, text: &str, expected: &[&str]) {
    compare(&faults(&Tree::from([(path, text)])), expected);
}

#[test]
fn a_mark_needs_an_issue() {
    check("a.rs", "// TODO(#12): later\n/* TODO(#3) */", &[]);
    check("a.rs", "x;\n// TODO: later", &["a.rs:2: names no issue, as `TODO(#7)` does"]);
    check("a.rs", "/*\n TODO(me) */", &["a.rs:2: names no issue, as `TODO(#7)` does"]);
    check("a.rs", "// FIXME(#1)", &["a.rs:1: a mark that does not land; mend it"]);
    check("a.lua", "-- TODO", &["a.lua:1: names no issue, as `TODO(#7)` does"]);
}

#[test]
fn code_that_was_not_written_does_not_land() {
    check(
        "a.rs",
        "fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\nlet x = dbg!(y);",
        &[
            "a.rs:1: `todo!` does not land",
            "a.rs:2: `unimplemented!` does not land",
            "a.rs:3: `dbg!` does not land",
        ],
    );
}

#[test]
fn words_that_only_look_alike_are_fine() {
    check("a.rs", "// TODOS, MY_TODO and todo!() in a comment\nlet todo = \"TODO FIXME\";", &[]);
    check("a.md", "TODO: prose may talk about the rule", &[]);
}
