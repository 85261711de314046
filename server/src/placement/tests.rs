//! Tests of the order of nodes.

use std::collections::BTreeMap;

use protocol::time::Timestamp;

use super::*;

fn node(name: &str, sessions: u64) -> Node {
    Node {
        node: name.to_owned(),
        generation: 1,
        state: NodeState::Ready,
        sessions,
        url: Some(format!("ws://{name}/")),
        started_at: Timestamp(1),
        version: String::new(),
    }
}

fn user(n: u32) -> UserId {
    UserId::parse(&format!("user-{n}")).unwrap()
}

/// How many of 1,000 users prefer each node.
fn shares(nodes: &[Node]) -> BTreeMap<String, u32> {
    let placement = Placement::new(None);
    placement.set(nodes);
    let mut shares = BTreeMap::new();
    for n in 0..1000 {
        *shares.entry(placement.urls(&user(n)).swap_remove(0)).or_default() += 1;
    }
    shares
}

#[test]
fn users_are_spread_over_nodes_and_move_only_from_the_one_that_goes() {
    let nodes = ["a", "b", "c", "d"].map(|name| node(name, 10));
    let shares = shares(&nodes);
    assert!(
        shares.len() == 4 && shares.values().all(|share| (200..300).contains(share)),
        "{shares:?}"
    );
    let (all, fewer) = (Placement::new(None), Placement::new(None));
    all.set(&nodes);
    fewer.set(&nodes[1..]);
    for n in 0..1000 {
        let (before, after) = (all.urls(&user(n)), fewer.urls(&user(n)));
        let stays = before.iter().find(|url| !url.contains("//a/")).unwrap();
        assert_eq!(*stays, after[0], "{n}");
    }
}

#[test]
fn three_nodes_are_named_and_then_the_address_of_all() {
    let placement = Placement::new(Some("wss://all".to_owned()));
    assert_eq!(placement.urls(&user(1)), ["wss://all/v1/connect"]);
    placement.set(&["a", "b", "c", "d", "e"].map(|name| node(name, 0)));
    let urls = placement.urls(&user(1));
    assert_eq!((urls.len(), &*urls[3]), (4, "wss://all/v1/connect"));
    assert_eq!(urls, placement.urls(&user(1)), "the order is the user's own");
    let one = Node { url: Some("wss://all".to_owned()), ..node("a", 0) };
    placement.set(&[one]);
    assert_eq!(placement.urls(&user(1)), ["wss://all/v1/connect"], "and no address comes twice");
}

#[test]
fn who_takes_nobody_or_has_no_address_is_not_named_and_who_has_too_many_comes_last() {
    let leaving = Node { state: NodeState::Draining, ..node("leaving", 0) };
    let lost = Node { state: NodeState::LostEngine, ..node("lost", 0) };
    let hidden = Node { url: None, ..node("hidden", 0) };
    let placement = Placement::new(None);
    placement.set(&[leaving, lost, hidden, node("a", 100), node("b", 100), node("full", 1000)]);
    for n in 0..100 {
        let urls = placement.urls(&user(n));
        assert_eq!((urls.len(), &*urls[2]), (3, "ws://full/v1/connect"));
    }
}
