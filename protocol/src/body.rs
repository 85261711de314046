//! Body: strict reading of one JSON object from an HTTP request.
//!
//! A mistyped field that is silently ignored costs its sender an afternoon, so unknown and
//! duplicate fields are errors here, told with the path of the field and the nearest known name.

use serde::de::DeserializeOwned;

use crate::{
    brief,
    limit::{DETAIL_BYTES_MAX, FIELD_BYTES_MAX},
    plain,
    problem::{FieldError, ProblemCode},
};

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which kind of problem it is.
    pub code: ProblemCode,
    /// What is the matter, for a person.
    pub detail: String,
    /// The field, where one is to blame.
    pub errors: Vec<FieldError>,
}

/// Reads a body; no bytes at all count as `{}`.
///
/// # Errors
/// [`ProblemCode::BadJson`] where it is not JSON, [`ProblemCode::UnknownField`] and
/// [`ProblemCode::BadField`] where a field is to blame.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    if first_byte(bytes) != Some(b'{') {
        return Err(Refused {
            code: ProblemCode::BadJson,
            detail: "the body must be one JSON object".to_owned(),
            errors: Vec::new(),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|e| refused(&e.path().to_string(), e.inner()))?;
    deserializer.end().map_err(|e| refused(".", &e))?;
    Ok(value)
}

fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

fn refused(path: &str, error: &serde_json::Error) -> Refused {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    if !error.is_data() {
        let detail = format!("not JSON{place}: {what}");
        return Refused { code: ProblemCode::BadJson, detail, errors: Vec::new() };
    }
    let (code, field, detail) = if let Some((field, hint)) = plain::unknown_field(what) {
        (ProblemCode::UnknownField, join(path, field), hint)
    } else if let Some(field) = quoted_after(what, "missing field `") {
        (ProblemCode::BadField, join(path, field), "must be given".to_owned())
    } else if let Some(field) = quoted_after(what, "duplicate field `") {
        (ProblemCode::BadField, join(path, field), "is there twice".to_owned())
    } else {
        (ProblemCode::BadField, path.to_owned(), plain::value(what))
    };
    let field = brief::cut(field, FIELD_BYTES_MAX);
    let detail = brief::cut(detail, DETAIL_BYTES_MAX - FIELD_BYTES_MAX - 1);
    Refused {
        code,
        detail: format!("{field} {detail}"),
        errors: vec![FieldError { field, detail }],
    }
}

fn quoted_after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.split('`').next()
}

/// The path of `field` in the object at `path`; where the path already ends in it, that.
fn join(path: &str, field: &str) -> String {
    match path {
        "." | "" => field.to_owned(),
        _ if path == field || path.ends_with(&format!(".{field}")) => path.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

#[cfg(test)]
mod tests;
