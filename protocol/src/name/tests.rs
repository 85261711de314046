//! Which texts are names.

use super::{Invalid, UserId};

#[track_caller]
fn check(text: &str, expected: Result<(), Invalid>) {
    assert_eq!(UserId::parse(text).map(|_| ()), expected, "{text:?}");
}

#[test]
fn a6_names_are_one_to_128_bytes_without_control_characters() {
    check("alice", Ok(()));
    check("a}{b", Ok(()));
    check("../x", Ok(()));
    check("👩‍🚀", Ok(()));
    check(" ", Ok(()));
    check(&"x".repeat(128), Ok(()));
    check("", Err(Invalid::Empty));
    check(&"x".repeat(129), Err(Invalid::TooLong));
    check(&"é".repeat(65), Err(Invalid::TooLong));
    check("a\nb", Err(Invalid::Control));
    check("a\u{0}b", Err(Invalid::Control));
    check("a\u{85}b", Err(Invalid::Control));
    check(".", Err(Invalid::Dots));
    check("..", Err(Invalid::Dots));
}

#[test]
fn a7_names_are_compared_byte_for_byte() {
    let (composed, decomposed) = (UserId::parse("\u{e9}"), UserId::parse("e\u{301}"));
    assert_ne!(composed, decomposed);
    assert_ne!(UserId::parse("a_b"), UserId::parse("a"));
}
