//! A crate of three rooms, one of them with two closets, and who may name whom.

use super::faults;
use crate::{tidy::tests::compare, tree::Tree};

/// Rooms: `http` (with `routes` above `body`), `plan`, `time`; each given what it says.
fn check(file: &str, says: &str, expected: &[&str]) {
    let text = |name: &str, own: &str| format!("{own}\n{}", if name == file { says } else { "" });
    let tree = Tree::from([
        ("src/lib.rs", text("lib", "mod http; mod plan; mod time;").as_str()),
        ("src/http.rs", text("http", "mod routes; mod body; pub use routes::Route;").as_str()),
        ("src/http/routes.rs", text("routes", "").as_str()),
        ("src/http/body.rs", text("body", "").as_str()),
        ("src/plan.rs", text("plan", "").as_str()),
        ("src/time.rs", text("time", "").as_str()),
    ]);
    compare(&faults(&tree), expected);
}

#[test]
fn names_lead_down() {
    check("http", "use crate::plan;", &[]);
    check("plan", "fn f() -> crate::time::Moment {}", &[]);
    check("routes", "use crate::{plan::Plan, time};", &[]);
    check("routes", "use super::body;", &[]);
    check("lib", "pub use http::Route; use self::plan::Plan;", &[]);
}

#[test]
fn names_that_lead_up_are_faults() {
    check(
        "plan",
        "use crate::http::Request;",
        &["src/plan.rs:2: `plan` names `http`, but src/lib.rs lists `http` above it"],
    );
    check(
        "time",
        "use super::{plan, x};\n\nfn f() { crate::http::y() }",
        &[
            "src/time.rs:2: `time` names `plan`, but src/lib.rs lists `plan` above it",
            "src/time.rs:4: `time` names `http`, but src/lib.rs lists `http` above it",
        ],
    );
    check(
        "body",
        "use super::routes::Get;",
        &[
            "src/http/body.rs:2: `body` names `http::routes`, but src/http.rs lists `routes` above it",
        ],
    );
    check(
        "time",
        "mod inner { use super::super::plan; }",
        &["src/time.rs:2: `time` names `plan`, but src/lib.rs lists `plan` above it"],
    );
}

#[test]
fn a_parent_passing_a_thing_on_does_not_hide_where_it_lives() {
    check(
        "body",
        "use super::Route;",
        &[
            "src/http/body.rs:2: `body` names `http::routes`, but src/http.rs lists `routes` above it",
        ],
    );
}

#[test]
fn a_parent_and_its_children_may_name_each_other() {
    check("http", "use self::body::Body; fn f() { routes::all() }", &[]);
    check("body", "use super::Limits; use crate::http::Request; use crate::SUBPROTOCOL;", &[]);
    check("plan", "pub(in crate::plan) fn f() {} use self::f;", &[]);
}

#[test]
fn tests_may_name_all() {
    check("time", "#[cfg(test)] mod tests { use crate::http; }", &[]);
}
