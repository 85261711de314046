//! Cursors there and back.

use super::*;

fn read(text: &str) -> Result<NameCursor, serde_json::Error> {
    serde_json::from_value(text.into())
}

#[test]
fn a_cursor_is_the_name_in_other_letters() {
    for name in ["a", "alice", "a/b?c&d=e", "\u{1f600}", &"x".repeat(128)] {
        let cursor = NameCursor(UserId::parse(name).unwrap());
        let text = cursor.to_string();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
        assert_eq!(read(&text).unwrap(), cursor);
    }
}

#[test]
fn a14_what_no_list_gave_is_no_cursor() {
    for text in ["", "a", "!!", "YWxpY2U=", "AA", "Li4", "//8"] {
        assert!(read(text).is_err(), "{text}");
    }
}
