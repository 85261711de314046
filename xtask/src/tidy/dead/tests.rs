//! Files with and without a `mod` that leads to them.

use super::faults;
use crate::{tidy::tests::compare, tree::Tree};

#[test]
fn files_without_a_mod_are_found() {
    let tree = Tree::from([
        ("a/Cargo.toml", ""),
        ("a/src/lib.rs", "mod plan; #[cfg(test)] mod tests;\n// mod stale;"),
        ("a/src/plan.rs", "mod inner;"),
        ("a/src/plan/inner.rs", ""),
        ("a/src/plan/outer.rs", ""),
        ("a/src/stale.rs", ""),
        ("a/src/tests.rs", ""),
        ("a/tests/it/main.rs", "mod node; #[path = \"../shared.rs\"] mod shared;"),
        ("a/tests/it/node.rs", ""),
        ("a/tests/it/gone.rs", ""),
        ("a/build.rs", ""),
    ]);
    compare(
        &faults(&tree),
        &[
            "a/src/plan/outer.rs: is reached by no `mod`",
            "a/src/stale.rs: is reached by no `mod`",
            "a/tests/it/gone.rs: is reached by no `mod`",
        ],
    );
}
