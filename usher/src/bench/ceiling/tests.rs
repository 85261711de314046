//! Tests of the ceiling.

use super::{measure, pairs};

#[test]
fn what_is_sent_alone_has_a_price() {
    let ceiling = measure(20, 200).unwrap();
    assert_eq!(ceiling.sockets, 20);
    assert!(ceiling.us_each > 0.1 && ceiling.us_each < 1e5, "{ceiling:?}");
}

#[test]
fn each_sender_has_its_receiver() {
    let (senders, receivers) = pairs(3).unwrap();
    for (sender, receiver) in senders.iter().zip(&receivers) {
        assert_eq!(sender.peer_addr().unwrap(), receiver.local_addr().unwrap());
    }
}
