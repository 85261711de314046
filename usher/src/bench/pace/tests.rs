//! Tests of pace.

use std::time::Duration;

use super::Pace;

const MS: Duration = Duration::from_millis(1);

/// When each that is done by `now` was due, in milliseconds.
fn done_by(pace: &mut Pace, now: Duration) -> Vec<u128> {
    let mut all = Vec::new();
    while let Some(due) = pace.due(now) {
        all.push(due.as_millis());
        pace.done();
    }
    all
}

#[test]
fn what_is_late_was_due_when_it_was() {
    let mut pace = Pace::new(Some(500), 10 * MS);
    assert_eq!(done_by(&mut pace, 9 * MS), []);
    assert_eq!(done_by(&mut pace, 10 * MS), [10]);
    assert_eq!(done_by(&mut pace, 17 * MS), [12, 14, 16]);
    assert_eq!(done_by(&mut pace, 17 * MS), []);
}

#[test]
fn without_a_rate_one_is_always_due_now() {
    let mut pace = Pace::new(None, MS);
    assert_eq!(pace.due(7 * MS), Some(7 * MS));
    pace.done();
    assert_eq!(pace.due(7 * MS), Some(7 * MS));
}
