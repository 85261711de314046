//! Tests of the ledger: whatever goes wrong on the way must show.

use super::Ledger;

/// Sends `sent` messages to recipient 1 of 3, lets these numbers come, and tells what is wrong.
fn check(sent: u32, came: &[u32]) -> String {
    let mut ledger = Ledger::new(3);
    for number in 0..sent {
        assert_eq!(ledger.sent(1), number);
    }
    for number in came {
        if let Err(wrong) = ledger.came(1, *number) {
            return wrong.to_string();
        }
    }
    match ledger.settle() {
        Ok(()) => {
            assert_eq!(ledger.under_way(), 0);
            assert!(ledger.is_even(1));
            "all is well".to_owned()
        }
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn every_message_in_order_and_once_is_well() {
    assert_eq!(check(0, &[]), "all is well");
    assert_eq!(check(3, &[0, 1, 2]), "all is well");
}

#[test]
fn planted_faults_are_noticed() {
    let missing = "1 deliveries to 1 sessions are missing; session 1 got 2 of 3";
    assert_eq!(check(3, &[0, 1]), missing);
    assert_eq!(check(3, &[0, 2]), "session 1 got message 2, but not 1 before it");
    assert_eq!(check(3, &[1, 0]), "session 1 got message 1, but not 0 before it");
    assert_eq!(check(3, &[0, 0]), "session 1 got message 0, which it had got before");
    assert_eq!(check(2, &[0, 1, 1]), "session 1 got message 1, which it had got before");
    assert_eq!(check(2, &[0, 1, 2]), "session 1 got message 2, which was never sent to it");
    assert_eq!(check(0, &[0]), "session 1 got message 0, which was never sent to it");
}

#[test]
fn what_one_gets_is_not_counted_for_another() {
    let mut ledger = Ledger::new(2);
    ledger.sent(0);
    assert!(ledger.came(1, 0).is_err());
    assert!(!ledger.is_even(0));
    assert!(ledger.settle().is_err());
}
