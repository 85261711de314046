//! Slots, tags, and names that try to lead elsewhere.

use std::collections::BTreeSet;

use super::*;

#[test]
fn slots_are_those_of_a_cluster() {
    // From the specification of Redis Cluster, and what `CLUSTER KEYSLOT` says.
    assert_eq!(slot(b"123456789"), 0x31c3);
    assert_eq!(slot(b"foo"), 12_182);
    assert_eq!(slot(b""), 0);
}

#[test]
fn partitions_lie_evenly_over_the_slots() {
    let bands: Vec<_> = Partition::all().map(|one| slot(tag(one).as_bytes()) / BAND).collect();
    assert_eq!(bands, Vec::from_iter(0..256));
    let tags: BTreeSet<_> = Partition::all().map(tag).collect();
    assert_eq!(tags.len(), PARTITIONS);
}

#[test]
fn tags_never_change() {
    // What is kept in Redis is found by them.
    let some = [0, 1, 127, 255].map(|n| tag(Partition(n)));
    expect_test::expect![[r#"
        [
            "00-236",
            "01-252",
            "7f-261",
            "ff-125",
        ]
    "#]]
    .assert_debug_eq(&some);
}

#[test]
fn no_name_leads_to_another_slot() {
    let user = UserId::parse("{u}}:x").unwrap();
    let key = Keys::new("usher:").user(Partition::of(&user), Some(&user));
    let (_, rest) = key.split_once('{').unwrap();
    assert_eq!(rest.split_once('}').unwrap().0, tag(Partition::of(&user)));
}
