//! The hash is fixed, and spreads evenly.

use super::{PARTITIONS, Partition, slice_of};
use crate::name::UserId;

#[test]
fn the_partition_of_a_user_never_changes() {
    let of = |user: &str| Partition::of(&UserId::parse(user).unwrap()).0;
    assert_eq!([of("alice"), of("bob"), of("a}{b")], [176, 229, 34]);
}

#[test]
fn users_spread_evenly_and_independently_over_partitions_and_slices() {
    let mut counts = [0_u32; PARTITIONS];
    let mut slices = [0_u32; 2];
    for n in 0..100_000 {
        let user = UserId::parse(&format!("user-{n}")).unwrap();
        counts[usize::from(Partition::of(&user).0)] += 1;
        if Partition::of(&user).0 == 7 {
            slices[slice_of(&user, 2)] += 1;
        }
    }
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(*least > 300 && *most < 500, "{least}..{most}");
    assert!(slices.iter().all(|count| *count > 130), "{slices:?}");
}
