//! A bucket over time.

use super::*;

const RATE: Rate = Rate { per_second: 100, burst: 3 };

/// Takes a token at each of these milliseconds; what is expected is the wait, 0 where it was there.
fn check(start: u64, takes: &[(u64, u64)]) {
    let mut bucket = Bucket::full(&RATE, Moment(start));
    for (ms, expected) in takes {
        let wait = bucket.take(&RATE, Moment(start + ms)).err().unwrap_or(0);
        assert_eq!(wait, *expected, "at {ms} ms after {start}");
    }
}

#[test]
fn a_burst_is_taken_at_once_and_no_more() {
    check(0, &[(0, 0), (0, 0), (0, 0), (0, 10), (0, 10)]);
}

#[test]
fn tokens_come_back_one_by_one() {
    check(
        0,
        &[(0, 0), (0, 0), (0, 0), (4, 6), (9, 1), (10, 0), (10, 10), (30, 0), (30, 0), (30, 10)],
    );
}

#[test]
fn a_bucket_holds_no_more_than_a_burst() {
    check(0, &[(0, 0), (1_000_000, 0), (1_000_000, 0), (1_000_000, 0), (1_000_000, 10)]);
}

#[test]
fn a_bucket_lives_over_the_end_of_32_bits_of_milliseconds() {
    let end = u64::from(u32::MAX) - 5;
    check(end, &[(0, 0), (0, 0), (0, 0), (5, 5), (10, 0), (10, 10)]);
    check(end * 7, &[(0, 0), (0, 0), (0, 0), (10, 0)]);
}

#[test]
fn who_looked_at_the_clock_earlier_and_takes_later_finds_what_is_left() {
    check(100, &[(10, 0), (9, 0), (10, 0), (9, 10), (0, 10), (10, 10), (20, 0), (15, 10)]);
    check(u64::from(u32::MAX) - 5, &[(10, 0), (0, 0), (10, 0), (0, 10), (10, 10), (20, 0)]);
}

#[test]
fn a_rate_of_nothing_never_refills() {
    let rate = Rate { per_second: 0, burst: 1 };
    let mut bucket = Bucket::full(&rate, Moment(0));
    assert_eq!(bucket.take(&rate, Moment(0)), Ok(()));
    assert_eq!(bucket.take(&rate, Moment(1_000_000)), Err(1000));
}

#[test]
fn in_the_long_run_the_rate_holds() {
    let mut bucket = Bucket::full(&RATE, Moment(0));
    let taken = (0..10_000).filter(|ms| bucket.take(&RATE, Moment(*ms)).is_ok()).count();
    assert_eq!(taken, 3 + 999);
}
