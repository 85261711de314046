//! Reference: what docs/api.md and docs/protocol.md say is so.

use std::collections::BTreeSet;

use protocol::{close::CloseCode, problem::ProblemCode};
use serde_json::{Value, value::RawValue};

use crate::{
    document,
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

/// What stands between backticks on a page.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_has_every_call_of_the_document_and_no_other() {
    let is_call = |text: &&str| {
        let (method, path) = text.split_once(' ').unwrap_or_default();
        matches!(method, "GET" | "POST" | "PUT" | "DELETE") && path.starts_with('/')
    };
    let shown: BTreeSet<&str> = quoted(API).filter(is_call).collect();
    let known = document::operations();
    // `usher dev` alone has these.
    let known = known.iter().map(|known| known.name.as_str()).chain(["GET /", "POST /dev/ticket"]);
    assert_eq!(shown, known.collect());
}

/// The names in the first cells of the tables with this head, and whether they must be given.
fn fields(page: &str, head: &str) -> Vec<Vec<(String, bool)>> {
    let tables = page.split(head).skip(1);
    let rows = |table: &str| {
        let rows = table.lines().skip(2).take_while(|line| line.starts_with("| "));
        rows.map(|row| {
            let name = quoted(row).next().expect("a row has a name").to_owned();
            (name, row.ends_with("| must be given |"))
        })
        .collect()
    };
    tables.map(rows).collect()
}

#[test]
fn the_page_has_every_field_of_the_document_and_no_other() {
    let document: Value = serde_json::from_str(document::DOCUMENT).expect("it is JSON");
    let schema = |name: &str| &document["components"]["schemas"][name];
    let check = |mut shown: Vec<(String, bool)>, name: &str, is_request: bool| {
        let required = schema(name)["required"].as_array().expect("something is required");
        let properties = schema(name)["properties"].as_object().expect("it is an object");
        let known: Vec<(String, bool)> = properties
            .keys()
            .map(|name| {
                (name.clone(), is_request && required.contains(&Value::from(name.as_str())))
            })
            .collect();
        shown.sort();
        assert_eq!(shown, known, "{name}");
    };
    let requests = fields(API, "\n| Field | What it says | If absent |");
    assert_eq!(requests.len(), 2);
    for (shown, name) in requests.into_iter().zip(["TicketRequest", "SendRequest"]) {
        check(shown, name, true);
    }
    for shown in fields(API, "\n| Field of the answer | What it says |") {
        check(shown, "SendReply", false);
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
