//! Which partitions are crowded.

use kernel::message::Fence;
use protocol::id::SessionId;

use super::*;

#[test]
fn a_crowd_of_one_partition_keeps_nobody_out_of_others() {
    let unsettled = Unsettled::default();
    let [here, there] = ["alice", "bob"].map(|user| Partition::of(&UserId::parse(user).unwrap()));
    assert_ne!(here, there);
    let depart = |n: usize| {
        let session = SessionId::new(here, n as u128);
        let fenced = Fenced { session, fence: Fence(1) };
        let user = UserId::parse("alice").unwrap();
        Step::Depart(Departing { fenced, departure: Departure::Park, user, code: None })
    };
    for n in 0..CROWDED {
        assert!(!unsettled.is_crowded(here), "{n} are no crowd");
        unsettled.push(depart(n));
    }
    assert!(unsettled.is_crowded(here));
    assert!(!unsettled.is_crowded(there));
}
