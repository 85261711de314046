//! Tests of who sweeps.

use protocol::time::Timestamp;

use super::*;

fn listed(name: &str, state: NodeState) -> http::Node {
    http::Node {
        node: name.to_owned(),
        generation: 1,
        state,
        sessions: 0,
        url: None,
        started_at: Timestamp(1),
        version: String::new(),
    }
}

fn me(name: &str) -> NodeRef {
    NodeRef { id: name.into(), generation: 1 }
}

/// Which partitions of the first round a node sweeps by right.
fn swept(sweepers: &Sweepers, name: &str) -> Vec<Partition> {
    let by_right = (0..PARTITIONS).filter(|place| place % ALL_THE_SAME != ALL_THE_SAME - 1);
    let swept = by_right.map(|count| sweepers.next(&me(name), count));
    swept.filter(|(_, is_mine)| *is_mine).map(|(partition, _)| partition).collect()
}

#[test]
fn each_partition_is_swept_by_one_of_those_who_are_there() {
    let sweepers = Sweepers::default();
    let all = PARTITIONS - PARTITIONS / ALL_THE_SAME;
    assert_eq!(swept(&sweepers, "n1").len(), all, "before it knows of others it sweeps all");
    let names = ["n1", "n2", "n3"];
    let mut nodes = names.map(|name| listed(name, NodeState::Ready)).to_vec();
    nodes.push(listed("n4", NodeState::LostEngine));
    sweepers.set(&nodes);
    let before = names.map(|name| swept(&sweepers, name));
    assert!(before.iter().all(|some| some.len() > all / 6), "{before:?}");
    assert_eq!(swept(&sweepers, "n4"), []);
    let mut together = before.concat();
    assert_eq!(together.len(), all);
    together.sort();
    together.dedup();
    assert_eq!(together.len(), all, "none by two");
    // Those of a node that goes are shared by the others, who keep what they had.
    nodes.remove(0);
    sweepers.set(&nodes);
    for (name, had) in names.into_iter().zip(&before).skip(1) {
        let now = swept(&sweepers, name);
        assert!(now.len() > had.len() && had.iter().all(|one| now.contains(one)), "{name}");
    }
}

#[test]
fn whoever_should_sweep_each_node_does_so_now_and_then() {
    let sweepers = Sweepers::default();
    sweepers.set(&[listed("n1", NodeState::Ready)]);
    for partition in 0..PARTITIONS {
        let mut rounds = (0..ALL_THE_SAME).map(|round| round * PARTITIONS + partition);
        assert!(rounds.any(|count| sweepers.next(&me("n2"), count).1), "{partition}");
    }
}
