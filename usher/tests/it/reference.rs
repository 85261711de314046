//! Reference: what docs/api.md and docs/protocol.md say is so.

use std::collections::BTreeSet;

use protocol::{close::CloseCode, problem::ProblemCode};
use serde_json::{Value, value::RawValue};
use server::serve::{Who, routes};

use crate::{
    node::Node,
    page::{blocks, do_as_shown, steps},
    session::Session,
};

const API: &str = include_str!("../../../docs/api.md");
const PROTOCOL: &str = include_str!("../../../docs/protocol.md");

/// The session that docs/api.md speaks of.
const SESSION: &str = "s_b01jYx4CkS0Vq9fYw8ZrGt2a";

#[test]
fn every_call_on_the_page_answers_what_the_page_shows() {
    let node = Node::dev();
    let ticket = node.ask(&["ticket", "alice", "--device", "phone"]).out;
    let protocols = ["usher.v1", &format!("ticket.{}", ticket.trim())];
    let (_session, welcome) = Session::at(&node.socket_url(), &protocols);
    let id = welcome["session"].as_str().expect("it is a text");
    let steps = steps(&API.replace(SESSION, id));
    assert!(!steps.is_empty());
    for step in &steps {
        do_as_shown(&node, step);
    }
}

/// The cells of a page's tables, row by row.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

/// A path with all that stands in braces left out, since pages call it what reads best.
fn without_names(path: &str) -> String {
    let parts = path.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    parts.collect::<Vec<_>>().join("{}")
}

#[test]
fn the_page_has_every_call() {
    let page = without_names(API);
    for route in routes() {
        let call = format!("`{} {}`", route.method, without_names(route.path));
        let is_there = page.contains(&call);
        match route.who {
            Who::Reader | Who::Backend | Who::Monitor => assert!(is_there, "{call}"),
            // Browsers ask for these by themselves, and sessions have a page of their own.
            Who::Anybody | Who::Dev | Who::Ticket => {}
        }
    }
}

#[test]
fn the_page_has_every_problem() {
    let shown: Vec<(String, String)> = rows(API)
        .filter(|row| row.len() == 5 && row[2].parse::<u16>().is_ok())
        .map(|row| (row[1].trim_matches('`').to_owned(), row[2].to_owned()))
        .collect();
    let known: Vec<(String, String)> = ProblemCode::ALL
        .iter()
        .map(|code| (code.name().to_owned(), code.status().to_string()))
        .collect();
    assert_eq!(shown, known);
}

#[test]
fn the_page_has_every_close_code() {
    let shown: Vec<String> = rows(PROTOCOL)
        .filter(|row| row[1].parse::<u16>().is_ok())
        .map(|row| format!("{} {}", row[1], row[2].trim_matches('`')))
        .collect();
    let known: Vec<String> = CloseCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(shown, known);
}

/// The text of each frame in a file of fixtures.
fn fixtures(file: &str) -> impl Iterator<Item = String> {
    let frames: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(file).expect("fixtures are JSON");
    frames.into_values().map(|frame| frame.get().to_owned())
}

#[test]
fn every_frame_on_the_page_is_one_that_tests_know() {
    let known: BTreeSet<String> =
        fixtures(include_str!("../../../protocol/fixtures/to_session.json"))
            .chain(fixtures(include_str!("../../../protocol/fixtures/from_session.json")))
            .collect();
    let shown: Vec<&str> = blocks(PROTOCOL)
        .filter(|(language, _)| *language == "json")
        .flat_map(|(_, text)| text.lines())
        .collect();
    for frame in &shown {
        assert!(known.contains(*frame), "{frame}");
    }
    // Each type of frame is there.
    let type_of = |frame: &str| {
        let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
        frame["type"].as_str().expect("a frame has a type").to_owned()
    };
    let types: BTreeSet<String> = shown.iter().map(|frame| type_of(frame)).collect();
    let known: BTreeSet<String> = known.iter().map(|frame| type_of(frame)).collect();
    // This one stands for types that are not known.
    let missing: Vec<&String> = known.difference(&types).filter(|name| *name != "dance").collect();
    assert!(missing.is_empty(), "{missing:?}");
}
