//! Waits come up in time, whatever the owner of the clock does.

use super::*;

/// Lets `owner` wait for `at`, put back as often as it comes up early; returns when it came up. The
/// clock goes on by `step`, and asks only when the wheel said so.
fn came_up(start: u64, at: u64, step: u64) -> u64 {
    let mut wheel = Wheel::new(Moment(start));
    wheel.wait("owner", Moment(at));
    let mut now = start;
    loop {
        now += step;
        let next = wheel.next().expect("somebody waits");
        if next.0 > now {
            continue;
        }
        for owner in wheel.due(Moment(now)) {
            if now >= at {
                assert_eq!(wheel.next(), None, "nobody waits any more");
                return now;
            }
            wheel.wait(owner, Moment(at));
        }
        assert!(now < at + 10_000, "the wait for {at} was lost");
    }
}

#[test]
fn a_wait_comes_up_no_later_than_a_tick() {
    for start in [0, 1, 99, 100, 12_345, 51_199, 51_200, 1_000_000] {
        for wait in [0, 1, 50, 99, 100, 101, 199, 25_000, 51_100, 51_200, 51_300] {
            let late = came_up(start, start + wait, 1) - (start + wait);
            assert!(late <= TICK_MS, "{late} ms late, {wait} ms from {start}");
        }
    }
}

#[test]
fn a_wait_longer_than_the_wheel_is_put_back() {
    for wait in [51_201, 60_000, 102_400, 500_000] {
        let late = came_up(777, 777 + wait, 10) - (777 + wait);
        assert!(late <= TICK_MS + 10, "{late} ms late after {wait}");
    }
}

#[test]
fn after_a_pause_longer_than_the_wheel_all_is_due_once() {
    let mut wheel = Wheel::new(Moment(0));
    for n in 0..1000 {
        wheel.wait(n, Moment(n * 37));
    }
    let mut due = wheel.due(Moment(10_000_000));
    due.sort_unstable();
    assert_eq!(due, (0..1000).collect::<Vec<_>>());
    assert_eq!(wheel.due(Moment(10_000_100)), Vec::<u64>::new());
    assert_eq!(wheel.next(), None);
}

#[test]
fn a_wait_after_a_long_rest_is_not_late() {
    let mut wheel = Wheel::new(Moment(0));
    // Nobody waited, so nobody asked, and the wheel stands still.
    wheel.wait("owner", Moment(1_025_000));
    let mut now = 1_000_000;
    loop {
        now = now.max(wheel.next().expect("somebody waits").0);
        if wheel.due(Moment(now)).is_empty() {
            continue;
        }
        if now >= 1_025_000 {
            break;
        }
        wheel.wait("owner", Moment(1_025_000));
    }
    assert!(now <= 1_025_100, "came up at {now}");
}

#[test]
fn a_wait_for_the_past_comes_up_at_the_next_tick() {
    let mut wheel = Wheel::new(Moment(50_000));
    wheel.wait("owner", Moment(3));
    assert_eq!(wheel.next(), Some(Moment(50_100)));
    assert_eq!(wheel.due(Moment(50_099)), Vec::<&str>::new());
    assert_eq!(wheel.due(Moment(50_100)), ["owner"]);
}

#[test]
fn an_owner_may_wait_twice() {
    let mut wheel = Wheel::new(Moment(0));
    wheel.wait("owner", Moment(100));
    wheel.wait("owner", Moment(300));
    assert_eq!(wheel.due(Moment(200)), ["owner"]);
    assert_eq!(wheel.next(), Some(Moment(300)));
    assert_eq!(wheel.due(Moment(300)), ["owner"]);
    assert_eq!(wheel.next(), None);
}
