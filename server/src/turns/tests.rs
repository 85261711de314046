//! Two calls with one key.

use super::*;

#[test]
fn a_key_has_one_turn_at_a_time_for_each_caller() {
    let turns = Turns::default();
    let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
    let first = turns.take(&one, "a").unwrap();
    assert!(turns.take(&one, "a").is_none());
    assert!(turns.take(&one, "b").is_some());
    assert!(turns.take(&other, "a").is_some());
    drop(first);
    assert!(turns.take(&one, "a").is_some());
    assert_eq!(turns.0.lock().unwrap().len(), 0, "nothing is left of those that are over");
}
