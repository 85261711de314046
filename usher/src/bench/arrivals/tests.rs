//! Tests of arrivals, without a server: what is made of what it says.

use std::time::Duration;

use protocol::{id::Ticket, partition::Partition};

use super::{Arrivals, TRIES_MAX, Wanting};
use crate::bench::{event::End, session::Proof};

const SECOND: Duration = Duration::from_secs(1);

/// Arrivals of which session 7 is under way for the `tries`th time.
fn one_under_way(tries: u32) -> Arrivals {
    let mut arrivals = Arrivals::new(10);
    let proof = Proof::Ticket(Ticket::new(Partition(0), 1));
    arrivals.wanting.insert(7, Wanting { proof, tries });
    arrivals.under_way = 1;
    arrivals
}

#[test]
fn who_is_told_a_time_comes_then() {
    for (code, retry_ms, expected) in [
        (Some(4003), Some(1200), Duration::from_millis(2200)),
        (Some(503), None, Duration::from_millis(1500)),
        (None, None, Duration::from_millis(1500)),
    ] {
        let mut arrivals = one_under_way(1);
        assert!(arrivals.closed(7, End { code, retry_ms }, SECOND).unwrap());
        assert_eq!(arrivals.wake_at(), Some(expected));
        assert_eq!((arrivals.refused(), arrivals.under_way), (1, 0));
        assert!(!arrivals.is_empty());
    }
}

#[test]
fn who_is_told_not_to_come_again_is_a_failure() {
    for code in [4201, 4403, 1002, 401] {
        let end = End { code: Some(code), retry_ms: None };
        assert!(one_under_way(1).closed(7, end, SECOND).is_err(), "{code}");
    }
    let later = End { code: Some(4003), retry_ms: Some(1) };
    let failure = one_under_way(TRIES_MAX).closed(7, later, SECOND).unwrap_err();
    assert_eq!(failure.to_string(), "session 7 was refused: 4003 overloaded (try 100)");
}

#[test]
fn others_are_none_of_its_business() {
    let mut arrivals = one_under_way(1);
    assert!(!arrivals.closed(8, End { code: None, retry_ms: None }, SECOND).unwrap());
    assert!(!arrivals.welcomed(8));
    assert!(arrivals.welcomed(7));
    assert!(arrivals.is_empty());
}
