//! Operate: what docs/operate.md says can be typed, and the metrics that it names are those there are.

use std::collections::BTreeSet;

use crate::{
    node::Node,
    page::{do_as_shown, steps},
    session::Session,
};

const PAGE: &str = include_str!("../../../docs/operate.md");
const API: &str = include_str!("../../../docs/api.md");

/// A node with the session that the pages speak of.
fn node() -> (Node, Session) {
    let node = Node::dev();
    let session = Session::open(&node, &node.ticket("alice"));
    (node, session)
}

#[test]
fn every_line_on_the_page_does_what_the_page_shows() {
    let (node, _session) = node();
    let steps = steps(PAGE);
    assert!(steps.len() >= 4, "{steps:?}");
    for step in &steps {
        do_as_shown(&node, step);
    }
}

/// The first cells of a table's rows, without their ticks and labels.
fn named(page: &str, head: &str) -> BTreeSet<String> {
    let table = page.split(head).nth(1).unwrap_or_else(|| panic!("{head} is not on the page"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split(',')).map(|name| {
        let name = name.trim().trim_matches('`');
        name.split('{').next().unwrap_or(name).to_owned()
    });
    names.collect()
}

#[test]
fn the_page_has_every_metric_and_no_other() {
    let (node, _session) = node();
    let line = "curl --silent --header 'Authorization: Bearer usher_dev_key'";
    let text = node.type_line(&format!("{line} http://{}/metrics", node.address));
    let there = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let there: BTreeSet<String> = there.map(str::to_owned).collect();
    assert_eq!(named(PAGE, "| Metric | What it says | What to watch |"), there);
}

#[test]
fn the_reference_has_every_type_of_events() {
    let known = protocol::event::Kind::ALL.iter().map(|kind| kind.name().to_owned());
    assert_eq!(named(API, "| Type | When | Fields |"), known.collect());
}
