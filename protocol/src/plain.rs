//! Plain: what the reader of JSON and of queries says of a mistake, in the words of this project.
//!
//! It speaks of types of Rust, and says what came instead; who sent it knows that, and wants to be
//! told what should come.

use crate::suggest;

/// What is the matter with a value.
#[must_use]
pub fn value(what: &str) -> String {
    let expected = what.strip_prefix("invalid ").and_then(|what| what.rsplit_once(", expected "));
    match (expected, what.strip_prefix("unknown variant `")) {
        (Some((_, "a boolean")), _) => "must be true or false".to_owned(),
        (Some((_, "a sequence")), _) => "must be a list".to_owned(),
        (Some((_, "a map")), _) => "must be an object".to_owned(),
        (Some((_, expected)), _) => format!("must be {expected}"),
        (None, Some(rest)) => variant(rest).unwrap_or_else(|| what.to_owned()),
        (None, None) => what.to_owned(),
    }
}

/// One of a few words was expected.
fn variant(rest: &str) -> Option<String> {
    let (typed, known) = rest.rsplit_once("`, expected ")?;
    Some(match suggest::nearest(typed, names(known)) {
        Some(near) => format!("is none of those known here; did you mean {near}?"),
        None => format!("must be {}", names(known).collect::<Vec<_>>().join(" or ")),
    })
}

/// The field that is not known, and what to say of it. Whoever chose its name may have put marks into
/// it, but not behind it.
#[must_use]
pub fn unknown_field(what: &str) -> Option<(&str, String)> {
    let rest = what.strip_prefix("unknown field `")?;
    let none = || Some((rest.strip_suffix("`, there are no fields")?, ""));
    let (field, known) = rest.rsplit_once("`, expected ").or_else(none)?;
    Some((
        field,
        match suggest::nearest(field, names(known)) {
            Some(near) => format!("is not known here; did you mean {near}?"),
            None => "is not known here".to_owned(),
        },
    ))
}

/// What stands between marks.
fn names(known: &str) -> impl Iterator<Item = &str> {
    known.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests;
