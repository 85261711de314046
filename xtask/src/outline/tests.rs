//! Pieces of Rust and what they declare and name.

use super::{Outline, Place};
use crate::source::code;

/// Names print as `[inline modules] path as alias`.
fn check_names(text: &str, expected: &[&str]) {
    let outline = Outline::of(&code(text));
    let got: Vec<String> = outline
        .names
        .iter()
        .map(|name| {
            let path = name.segments.join("::");
            let alias = name.alias.as_ref().map_or(String::new(), |alias| format!(" as {alias}"));
            format!("[{}] {path}{alias}", name.within.join("::"))
        })
        .collect();
    assert_eq!(got, expected, "{text}");
}

#[test]
fn use_trees_are_unfolded() {
    check_names("use crate::plan;", &["[] crate::plan as plan"]);
    check_names(
        "pub use self::{a::{B, C as D}, e::*};",
        &["[] self::a::B as B", "[] self::a::C as D", "[] self::e::* as *"],
    );
    check_names(
        "use crate::{plan::{self, Plan}, stream as s,};",
        &["[] crate::plan as plan", "[] crate::plan::Plan as Plan", "[] crate::stream as s"],
    );
    check_names(
        "use record::Record; use std::{io};",
        &["[] record::Record as Record", "[] std::io as io"],
    );
}

#[test]
fn paths_in_code_are_found() {
    check_names(
        "let x = crate::plan::of(&super::y::<u8>());",
        &["[] crate::plan::of", "[] super::y"],
    );
    check_names("pub(crate) fn f(self) -> Self { self.x }", &[]);
    check_names("$crate::a!(); \"crate::b\"; c::crate_like()", &["[] crate::a"]);
    check_names("fn f() -> impl Sized + use<'a, T> {}", &[]);
}

#[test]
fn inline_modules_are_remembered() {
    check_names(
        "mod a { fn f() { super::b() } mod c { use super::d; } } use crate::e;",
        &["[a] super::b", "[a::c] super::d as d", "[] crate::e as e"],
    );
}

#[test]
fn modules_are_listed_in_order_with_their_place() {
    let text = "pub mod b; mod a { mod c; } #[path = \"other/d.rs\"] pub(crate) mod d;";
    let outline = Outline::of(&code(text));
    let got: Vec<_> = outline.mods.iter().map(|m| (m.name.as_str(), &m.place)).collect();
    let other = Place::At("other/d.rs".to_owned());
    let expected =
        [("b", &Place::OwnFile), ("a", &Place::Inline), ("c", &Place::OwnFile), ("d", &other)];
    assert_eq!(got, expected);
    assert_eq!(outline.mods[2].within, ["a"]);
}
