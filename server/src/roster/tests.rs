//! Who is missed, and when.

use protocol::{http::NodeState, time::Timestamp};

use super::*;

fn node(name: &str) -> http::Node {
    let (name, generation) = name.split_once('.').expect("a name and a generation");
    let generation = generation.parse().expect("a number");
    http::Node {
        node: name.to_owned(),
        generation,
        state: NodeState::Ready,
        sessions: 0,
        url: None,
        started_at: Timestamp(generation),
        version: String::new(),
    }
}

/// Looks at lists at times in milliseconds, `-` for none; tells what is new when.
fn check(lists: &[(u64, &str)], expected: &str) {
    let mut roster = Roster::new(Duration::from_secs(5));
    let mut told = Vec::new();
    for (at, names) in lists {
        if *names == "-" {
            roster.is_unknown();
            continue;
        }
        let nodes: Vec<_> = names.split_whitespace().map(node).collect();
        for change in roster.look(Moment(at + 1), &nodes) {
            told.push(match change {
                Change::Gone { node, generation, name } => {
                    format!("{at}: {node}.{generation} {name:?}")
                }
                Change::Back(node) => format!("{at}: {}.{} Back", node.node, node.generation),
            });
        }
    }
    assert_eq!(told.join(", "), expected, "{lists:?}");
}

#[test]
fn a_node_that_is_missing_for_more_than_one_list_is_gone_once() {
    let before = (0, "n1.1 n2.1");
    check(&[before, (6000, "n1.1 n2.1"), (7000, "n1.1"), (7999, "n1.1 n2.1")], "");
    check(
        &[before, (6000, "n1.1 n2.1"), (7000, "n1.1"), (8000, "n1.1"), (9000, "n1.1")],
        "8000: n2.1 Free",
    );
}

#[test]
fn nobody_is_missed_before_the_list_was_there_for_a_lease() {
    check(
        &[(0, "n1.1 n2.1"), (1000, "-"), (9000, "n1.1"), (13_000, "n1.1"), (14_000, "n1.1")],
        "14000: n2.1 Free",
    );
    check(&[(0, "n1.1 n2.1"), (1000, "-"), (9000, "n1.1"), (13_999, "n1.1 n2.1")], "");
}

#[test]
fn a_node_that_was_started_again_is_there() {
    check(
        &[(0, "n2.1"), (6000, "n2.1"), (7000, "n2.2"), (8000, "n2.2"), (9000, "n2.2")],
        "8000: n2.1 Taken",
    );
}

#[test]
fn a_node_that_was_missed_and_is_listed_again_is_back_once() {
    let lists = [
        (0, "n1.1 n2.1"),
        (6000, "n1.1 n2.1"),
        (8000, "n1.1"),
        (9000, "n1.1 n2.1"),
        (10_000, "n1.1 n2.1"),
        (12_000, "n1.1"),
        (13_000, "n1.1 n2.1"),
    ];
    check(&lists, "8000: n2.1 Free, 9000: n2.1 Back, 12000: n2.1 Free, 13000: n2.1 Back");
    let too_late = 8000 + 3_600_001;
    check(
        &[lists[0], lists[1], lists[2], (too_late - 1, "n1.1"), (too_late, "n1.1 n2.1")],
        "8000: n2.1 Free",
    );
}
