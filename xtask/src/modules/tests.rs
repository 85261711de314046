//! Small crates and the modules that they are.

use super::{Crate, Extent, roots, shipped};
use crate::tree::Tree;

fn small() -> Tree {
    Tree::from([
        ("a/Cargo.toml", ""),
        ("a/src/lib.rs", "mod top; mod low { mod inner; } #[cfg(test)] mod tests;"),
        ("a/src/top.rs", "mod part; pub use part::Thing; use crate::low as deep; fn f() {}"),
        ("a/src/top/part.rs", "use super::deep::inner; use other::Thing;"),
        ("a/src/low/inner.rs", ""),
        ("a/src/tests.rs", "use crate::top;"),
        ("a/src/lost.rs", ""),
    ])
}

fn path(text: &str) -> Vec<String> {
    text.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[test]
fn modules_are_followed_to_their_files() {
    let files = |extent| {
        let read = Crate::read(&small(), "a/src/lib.rs", extent);
        let row = |(path, module): (&[String], &super::Module)| {
            format!("{}: {}", path.join("::"), module.file)
        };
        read.modules().map(row).collect::<Vec<_>>()
    };
    let shipped = [
        ": a/src/lib.rs",
        "low: a/src/lib.rs",
        "low::inner: a/src/low/inner.rs",
        "top: a/src/top.rs",
        "top::part: a/src/top/part.rs",
    ];
    assert_eq!(files(Extent::Shipped), shipped);
    let mut whole = shipped.to_vec();
    whole.insert(3, "tests: a/src/tests.rs");
    assert_eq!(files(Extent::Whole), whole);
}

#[test]
fn a_name_leads_to_the_module_where_its_thing_lives() {
    let small = Crate::read(&small(), "a/src/lib.rs", Extent::Shipped);
    let check = |at: &str, name: &str, expected: Option<&str>| {
        let got = small.resolve(&path(at), &path(name)).map(|path| path.join("::"));
        assert_eq!(got.as_deref(), expected, "{name} at {at}");
    };
    check("top", "crate::low::inner::x", Some("low::inner"));
    check("top", "self::f", Some("top"));
    check("top", "part::Thing", Some("top::part"));
    check("top::part", "super::f", Some("top"));
    check("top::part", "super::super::low", Some("low"));
    // Through the parent's own `use`.
    check("low", "crate::top::Thing", Some("top::part"));
    check("top::part", "super::deep::inner", Some("low::inner"));
    check("top", "std::io", None);
    check("top", "elsewhere::Thing", None);
}

#[test]
fn a_use_of_itself_ends() {
    let tree = Tree::from([("src/lib.rs", "use crate::a::b; mod a { pub use crate::b; }")]);
    let read = Crate::read(&tree, "src/lib.rs", Extent::Shipped);
    assert!(read.resolve(&[], &path("crate::b")).is_some());
}

#[test]
fn roots_are_where_cargo_looks() {
    let tree = Tree::from([
        ("a/Cargo.toml", ""),
        ("a/build.rs", ""),
        ("a/src/bin/tool.rs", ""),
        ("a/src/lib.rs", ""),
        ("a/src/plan.rs", ""),
        ("a/tests/it/main.rs", ""),
        ("a/tests/it/part.rs", ""),
        ("a/fuzz/Cargo.toml", ""),
        ("a/fuzz/fuzz_targets/read.rs", ""),
    ]);
    let expected = [
        "a/build.rs",
        "a/fuzz/fuzz_targets/read.rs",
        "a/src/bin/tool.rs",
        "a/src/lib.rs",
        "a/tests/it/main.rs",
    ];
    assert_eq!(roots(&tree).collect::<Vec<_>>(), expected);
}

#[test]
fn what_only_tests_reach_is_not_shipped() {
    let tree = Tree::from([
        ("src/lib.rs", "mod plan; #[cfg(test)] mod fixture;"),
        ("src/plan.rs", "#[cfg(test)] mod tests;"),
        ("src/plan/tests.rs", ""),
        ("src/fixture.rs", ""),
        ("tests/it/main.rs", "mod node;"),
        ("tests/it/node.rs", ""),
        ("examples/echo.rs", ""),
    ]);
    let files: Vec<String> = shipped(&tree).into_keys().collect();
    assert_eq!(files, ["examples/echo.rs", "src/lib.rs", "src/plan.rs"]);
}
