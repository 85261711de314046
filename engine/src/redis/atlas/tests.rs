//! Tests of who keeps what.

use super::*;

fn doors(url: &str) -> Vec<Door> {
    match Shape::parse(url) {
        Ok(Shape::Servers(Doors(doors))) => doors,
        other => panic!("{other:?}"),
    }
}

fn kept(url: &str) -> Vec<String> {
    let doors = doors(url);
    let name = |one| keeper(one, &doors).map(|at| doors[at].to_string());
    Partition::all().filter_map(name).collect()
}

#[test]
fn partitions_lie_about_evenly_and_never_move_by_themselves() {
    let kept = kept("redis://a,redis://b,redis://c");
    assert_eq!(kept.len(), 256);
    for name in ["a:6379", "b:6379", "c:6379"] {
        let count = kept.iter().filter(|one| *one == name).count();
        assert!((60..=110).contains(&count), "{name}: {count}");
    }
    // Another order here would be another order there, where nodes of two versions meet.
    let first: Vec<&str> = kept[..12].iter().map(|name| &name[..1]).collect();
    assert_eq!(first.concat(), "cbcccbbbcbcb");
}

#[test]
fn a_list_in_another_order_is_the_same_and_one_more_takes_only_its_own() {
    let three = kept("redis://a,redis://b,redis://c");
    assert_eq!(three, kept("redis://c,redis://a,redis://b"));
    for (before, after) in three.iter().zip(kept("redis://a,redis://b,redis://c,redis://d")) {
        assert!(*before == after || after == "d:6379");
    }
}
