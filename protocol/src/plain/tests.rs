//! What is said of each kind of mistake.

use super::{unknown_field, value};

#[test]
fn a_value_is_told_what_it_must_be() {
    for (what, told) in [
        ("invalid type: integer `7`, expected a string", "must be a string"),
        ("invalid type: integer `1`, expected a boolean", "must be true or false"),
        ("invalid type: string \"a\", expected a sequence", "must be a list"),
        ("invalid type: null, expected a map", "must be an object"),
        ("invalid type: string \"x, expected y\", expected a string", "must be a string"),
        (
            "unknown variant `usr`, expected one of `user`, `class`",
            "is none of those known here; did you mean user?",
        ),
        ("unknown variant `x`, expected `replace` or `reject`", "must be replace or reject"),
        ("must not be empty", "must not be empty"),
        ("number out of range", "number out of range"),
    ] {
        assert_eq!(value(what), told);
    }
}

#[test]
fn a_field_is_told_which_it_may_have_meant() {
    fn told(what: &str) -> Option<String> {
        unknown_field(what).map(|(field, told)| format!("{field} {told}"))
    }
    let known = "expected one of `user`, `node`, `limit`, `cursor`";
    assert_eq!(
        told(&format!("unknown field `usr`, {known}")).as_deref(),
        Some("usr is not known here; did you mean user?")
    );
    assert_eq!(
        told(&format!("unknown field `colour`, {known}")).as_deref(),
        Some("colour is not known here")
    );
    assert_eq!(
        told("unknown field `a`, there are no fields").as_deref(),
        Some("a is not known here")
    );
    assert_eq!(told("missing field `user`"), None);
}
