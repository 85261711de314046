//! Small workspaces with one wrong arrow each, and the real one.

use super::faults;
use crate::tree::{self, Tree};

const WORKSPACE: &str = "\
[workspace]
members = [\"protocol\", \"kernel\", \"engine\", \"server\", \"xtask\"]
[workspace.dependencies]
protocol = { package = \"usher-protocol\", path = \"protocol\" }
kernel = { path = \"kernel\" }
json = { package = \"serde_json\", version = \"1\" }
";

/// Gives one crate some dependencies and compares the faults, as they print.
fn check(member: &str, dependencies: &str, expected: &[&str]) {
    let text = |name: &str| if name == member { dependencies.to_owned() } else { String::new() };
    let members = ["protocol", "kernel", "engine", "server", "xtask"].map(text);
    let tree = Tree::from([
        ("Cargo.toml", WORKSPACE),
        ("protocol/Cargo.toml", &members[0]),
        ("kernel/Cargo.toml", &members[1]),
        ("engine/Cargo.toml", &members[2]),
        ("server/Cargo.toml", &members[3]),
        ("xtask/Cargo.toml", &members[4]),
    ]);
    compare(&tree, expected);
}

fn compare(tree: &Tree, expected: &[&str]) {
    let got: Vec<String> = faults(tree).iter().map(ToString::to_string).collect();
    assert_eq!(got, expected);
}

#[test]
fn arrows_down_are_fine() {
    check("kernel", "[dependencies]\nprotocol.workspace = true\nbytes = \"1\"", &[]);
    check("server", "[dependencies]\nengine = { path = \"../engine\" }\ntokio = \"1\"", &[]);
    check("kernel", "[dev-dependencies]\njson.workspace = true", &[]);
}

#[test]
fn arrows_up_along_and_outside_are_not() {
    check(
        "protocol",
        "[dependencies]\nkernel.workspace = true",
        &[
            "protocol/Cargo.toml:2: depends on kernel, on floor 1; from floor 0 arrows go strictly down",
        ],
    );
    check(
        "kernel",
        "[dev-dependencies]\nsdk = { path = \"../sdk/rust\" }",
        &[
            "kernel/Cargo.toml:2: depends on sdk/rust, on floor 1; from floor 1 arrows go strictly down",
        ],
    );
    check(
        "xtask",
        "[dependencies]\n\nprotocol.workspace = true",
        &["xtask/Cargo.toml:3: depends on protocol, but stands outside the house"],
    );
    check(
        "engine",
        "[build-dependencies]\nx = { path = \"../xtask\" }",
        &["engine/Cargo.toml:2: depends on xtask, which stands outside the house"],
    );
    check(
        "server",
        "[dependencies]\nx = { path = \"../shed\" }",
        &["server/Cargo.toml:2: depends on shed, which has no floor"],
    );
}

#[test]
fn packages_of_others_are_kept_out_under_any_name() {
    check(
        "kernel",
        "[dependencies]\njson.workspace = true",
        &["kernel/Cargo.toml:2: depends on serde_json, which kernel does without"],
    );
    check(
        "server",
        "[dependencies]\nstore = { package = \"redis\", version = \"1\" }",
        &["server/Cargo.toml:2: depends on redis, which server does without"],
    );
    check(
        "protocol",
        "[dependencies.tokio]\nversion = \"1\"",
        &["protocol/Cargo.toml:2: depends on tokio, which protocol does without"],
    );
}

#[test]
fn what_cannot_be_read_is_no_pass() {
    check(
        "engine",
        "[dependencies]\nwhat is this",
        &["engine/Cargo.toml:2: cannot be read as a dependency"],
    );
    compare(
        &Tree::from([("Cargo.toml", "[workspace]\nmembers = [\"a\", \"usher\"]")]),
        &[
            "a/Cargo.toml: has no floor; give it one in xtask/src/floors.rs",
            "usher/Cargo.toml: is a member without a manifest",
        ],
    );
    compare(&Tree::default(), &["Cargo.toml: lists no members"]);
}

#[test]
fn words_are_found_in_code_and_strings_only() {
    let kernel = "use std::time::Instant; // tokio\nfn f() { Instant::now() }\n#[cfg(test)] mod t { tokio }\n#[cfg(test)] mod fixture;";
    let tree = Tree::from([
        ("Cargo.toml", "[workspace]\nmembers = [\"kernel\"]"),
        ("kernel/Cargo.toml", ""),
        ("kernel/src/lib.rs", kernel),
        ("kernel/src/fixture.rs", "use serde_json::json;"),
        ("server/Cargo.toml", ""),
        (
            "server/src/main.rs",
            "/// For redis.\nfn open() { let url = \"redis://\"; redistribute() }\nstruct RedisUrl;",
        ),
    ]);
    compare(
        &tree,
        &[
            "kernel/src/lib.rs:2: kernel names `Instant::now`",
            "server/src/main.rs:2: server names `redis`",
            "server/src/main.rs:3: server names `redis`",
        ],
    );
}

#[test]
fn this_workspace_keeps_its_floors() {
    let tree = Tree::read(&tree::root()).expect("the workspace can be read");
    compare(&tree, &[]);
}
