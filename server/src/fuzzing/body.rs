//! Body: what comes as the body of an HTTP request.
//!
//! What is taken has no field that is unknown or there twice, and stops being taken with one more.
//! Written down again it is read as the same. What is refused is told in a sentence of bounded
//! length.

use protocol::{
    body::{self, Refused},
    http::{BlockRequest, BulkRequest, SendRequest, SessionSendRequest, TicketRequest, UsersQuery},
    limit,
    problem::ProblemCode,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::json;

/// A kind of body, and its fields by a second list.
struct Kind {
    name: &'static str,
    read: fn(&[u8]) -> Result<String, Refused>,
    fields: &'static [&'static str],
    /// Fields that are objects with fields of their own.
    within: &'static [(&'static str, &'static [&'static str])],
}

/// All bodies that the API takes. A test holds this against the description of the API.
const KINDS: [Kind; 6] = [
    Kind {
        name: "TicketRequest",
        read: read::<TicketRequest>,
        fields: &[
            "user",
            "device",
            "device_class",
            "ttl",
            "policy",
            "send",
            "origin",
            "max_age",
            "meta",
        ],
        within: &[("policy", &["max", "per", "when_full"])],
    },
    Kind {
        name: "SendRequest",
        read: read::<SendRequest>,
        fields: &["data", "to", "except", "volatile", "ttl", "from", "echo"],
        within: &[("echo", &["except"])],
    },
    Kind {
        name: "SessionSendRequest",
        read: read::<SessionSendRequest>,
        fields: &["data", "volatile", "ttl", "from", "echo"],
        within: &[("echo", &["except"])],
    },
    Kind {
        name: "BulkRequest",
        read: read::<BulkRequest>,
        fields: &["users", "everyone", "data", "to", "except", "volatile", "ttl", "from", "echo"],
        within: &[("echo", &["except"])],
    },
    Kind { name: "UsersQuery", read: read::<UsersQuery>, fields: &["users"], within: &[] },
    Kind { name: "BlockRequest", read: read::<BlockRequest>, fields: &["ttl"], within: &[] },
];

/// Names that no field has.
const STRANGE: [&str; 8] =
    ["", "usr", "User", "a`b", "x`, expected `user`", "\0", "\u{1F600}", "policy.max"];

/// What must hold of the body of a request.
pub fn check(input: &[u8]) {
    for kind in KINDS {
        match (kind.read)(input) {
            Ok(written) => taken(&kind, input, &written),
            Err(refused) => told(&refused),
        }
    }
}

/// Reads, and writes down what was read.
fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<String, Refused> {
    let body: T = body::read(bytes)?;
    Ok(serde_json::to_string(&body).expect("bodies can be written"))
}

fn taken(kind: &Kind, input: &[u8], written: &str) {
    let again = (kind.read)(written.as_bytes());
    assert_eq!(again.as_deref(), Ok(written), "what was read is written as it is read");

    // No bytes at all are an empty object.
    let text = if input.is_empty() { "{}" } else { str::from_utf8(input).expect("JSON is UTF-8") };
    let keys = json::keys(text).expect("a body is an object");
    for (at, key) in keys.iter().enumerate() {
        assert!(kind.fields.contains(&key.as_str()), "{} has no {key}", kind.name);
        assert!(!keys[..at].contains(key), "{key} is there twice");
        let refused = (kind.read)(with_field(text, key).as_bytes());
        assert!(refused.is_err(), "with {key} twice it is not taken");
    }
    // A number that is larger than any can be passed on, but not looked at.
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        inner(kind, &whole);
    }
    for name in STRANGE {
        let refused = (kind.read)(with_field(text, name).as_bytes());
        let Err(refused) = refused else { panic!("{} is taken with {name:?}", kind.name) };
        assert_eq!(refused.code, ProblemCode::UnknownField);
        let fields: Vec<&str> = refused.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, [name], "the field that is to blame is told");
        told(&refused);
    }
}

/// The same of the objects in it.
fn inner(kind: &Kind, whole: &Value) {
    for (name, known) in kind.within {
        let Some(fields) = whole[name].as_object() else { continue };
        for key in fields.keys() {
            assert!(known.contains(&key.as_str()), "{name}.{key} is not known");
        }
        for strange in STRANGE {
            let mut more = whole.clone();
            more[name][strange] = Value::Null;
            let refused = (kind.read)(more.to_string().as_bytes());
            assert!(refused.is_err(), "{name}.{strange} is not known, but taken");
        }
    }
}

/// The object with one more field, before all others.
fn with_field(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once('{').expect("it is an object");
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    format!("{{{}:null{comma}{rest}", Value::from(name))
}

/// Whether a refusal can be told.
fn told(refused: &Refused) {
    let Refused { code, detail, errors } = refused;
    match code {
        ProblemCode::BadJson => assert!(errors.is_empty()),
        ProblemCode::BadField | ProblemCode::UnknownField => assert_eq!(errors.len(), 1),
        other => panic!("{} is not about a body", other.name()),
    }
    let texts = errors.iter().flat_map(|error| [&error.field, &error.detail]).chain([detail]);
    for text in texts {
        assert!(text.len() <= limit::DETAIL_BYTES_MAX, "{} bytes of detail", text.len());
    }
}

#[cfg(test)]
mod tests;
