//! Newcomers at a gate.

use super::*;

/// Moments begin somewhere.
const START: Moment = Moment(1_000_000);

#[test]
fn as_many_pass_as_the_rate_says() {
    let gate = Gate::new(100, 2);
    let passed = |now: Moment| (0..1000).filter(|_| gate.pass(now).is_ok()).count();
    assert_eq!(passed(START), 200, "a second's worth at once");
    assert_eq!(passed(START), 0);
    assert_eq!(passed(START.after(Duration::from_millis(500))), 100);
    assert_eq!(passed(START.after(Duration::from_secs(60))), 200, "no more is saved up");
}

#[test]
fn those_who_are_refused_are_told_times_of_their_own_at_the_rate() {
    let gate = Gate::new(100, 1);
    let hints: Vec<_> = (0..1100).filter_map(|_| gate.pass(START).err()).collect();
    assert_eq!(hints.len(), 1000);
    for (n, hint) in hints.iter().enumerate() {
        let turn = Duration::from_millis(10 * (n as u64 + 1));
        let earliest = turn + Duration::from_millis(HINT_MS);
        assert!(
            (earliest..earliest + Duration::from_millis(HINT_MS)).contains(hint),
            "{n}: {hint:?}"
        );
    }
}

#[test]
fn nobody_is_told_to_stay_away_for_longer_than_a_bound() {
    let gate = Gate::new(1, 1);
    let longest = (0..1000).filter_map(|_| gate.pass(START).err()).max();
    assert!(longest.unwrap() <= RETRY_MAX + Duration::from_millis(2 * HINT_MS), "{longest:?}");
    let later = START.after(RETRY_MAX * 2);
    assert!(gate.pass(later).is_ok());
    assert!(gate.pass(later).unwrap_err() < Duration::from_secs(3), "the queue is over by then");
}

#[test]
fn what_is_given_back_lets_another_through_and_is_not_saved_up() {
    let gate = Gate::new(2, 1);
    assert!(gate.pass(START).is_ok() && gate.pass(START).is_ok());
    gate.give_back();
    assert!(gate.pass(START).is_ok());
    assert!(gate.pass(START).is_err());
    (0..10).for_each(|_| gate.give_back());
    assert_eq!((0..10).filter(|_| gate.pass(START).is_ok()).count(), 2);
}
