//! What is near enough to suggest, and what is not.

use super::nearest;

#[track_caller]
fn check(typed: &str, expected: Option<&str>) {
    assert_eq!(nearest(typed, ["user", "device", "device_class", "ttl"]), expected, "{typed}");
}

#[test]
fn a_slip_is_suggested_and_another_word_is_not() {
    check("usr", Some("user"));
    check("uesr", Some("user"));
    check("devise", Some("device"));
    check("deviceclass", Some("device_class"));
    check("tll", Some("ttl"));
    check("message", None);
    check("", None);
}
