//! Schema: the forms on the wire as JSON Schema (2020-12), for whoever describes the HTTP API.
//!
//! What serde derives, schemars derives as well, where the type is. Here are the types that parse
//! themselves. The bounds are the constants that the parsers go by, so that neither can change
//! alone. JSON Schema counts characters and not bytes, and knows nothing of depth: where it cannot
//! say what a parser asks for, it allows more, and the description says the rest.
//!
//! Not here: which call takes and gives what.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::{
    data::Data,
    grant::{Meta, Origin, Policy, Scope, SendGrant, WhenFull},
    id::{MessageId, SessionId, Ticket},
    limit::{
        DATA_BYTES_MAX, DATA_DEPTH_MAX, GRANT_USERS_MAX, META_BYTES_MAX, NAME_BYTES_MAX,
        ORIGIN_BYTES_MAX, POSITION_BYTES_MAX, SESSIONS_PER_USER_MAX,
    },
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    problem::ProblemCode,
    target::Target,
    time::Timestamp,
};

/// A character that is no control character (Unicode category Cc), in a pattern.
const PRINTABLE: &str = r"[^\u0000-\u001f\u007f-\u009f]";

/// What follows the prefix of an id: its partition, and 128 bits, whose first digit is at most 7.
const ID_REST: &str = "[0-9a-f]{2}[0-7][0-9A-Za-z]{21}";

/// Kibibytes, as people say it.
const fn kib(bytes: usize) -> usize {
    bytes / 1024
}

/// Gives a type a schema under its own name.
macro_rules! named {
    ($($Type:ident: $schema:expr;)*) => {$(
        impl JsonSchema for $Type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($Type).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let schema: fn(&mut SchemaGenerator) -> Schema = $schema;
                schema(generator)
            }
        }
    )*};
}

named! {
    UserId: |_| name("Who the app says is there");
    DeviceId: |_| name("One install of a user's app");
    DeviceClass: |_| name("A class of devices, such as `phone`, as the app divides them");
    Ticket: |_| id(Ticket::PREFIX, "Leave to open one session, once. A secret");
    SessionId: |_| id(SessionId::PREFIX, "One session, over all its sockets");
    MessageId: |_| id(MessageId::PREFIX, "One message");
    Position: |_| json_schema!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9._~-]{{1,{POSITION_BYTES_MAX}}}$"),
        "description": "A place in a user's stream. Opaque: it is given back as it came.",
    });
    Timestamp: |_| json_schema!({
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "description": "Milliseconds since 1970-01-01T00:00:00Z.",
    });
    Data: |_| json_schema!({
        "description": format!(
            "Any JSON value of at most {} KiB and {DATA_DEPTH_MAX} levels, passed on byte for byte.",
            kib(DATA_BYTES_MAX),
        ),
    });
    Target: |_| target();
    Policy: |generator| json_schema!({
        "description": "How many sessions a user may have, and what happens at the limit.",
        "anyOf": [
            { "type": "string", "enum": ["multi", "single"] },
            {
                "type": "object",
                "properties": {
                    "max": { "type": "integer", "minimum": 1, "maximum": SESSIONS_PER_USER_MAX },
                    "per": generator.subschema_for::<Scope>(),
                    "when_full": generator.subschema_for::<WhenFull>(),
                },
                "required": ["max"],
                "additionalProperties": false,
            },
        ],
    });
    SendGrant: |generator| json_schema!({
        "description": "To whom a session may send: to nobody, to anybody, or to these users.",
        "anyOf": [
            { "type": "string", "enum": ["none", "any"] },
            {
                "type": "array",
                "items": generator.subschema_for::<UserId>(),
                "maxItems": GRANT_USERS_MAX,
            },
        ],
    });
    Meta: |_| json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": META_BYTES_MAX },
        "propertyNames": { "maxLength": META_BYTES_MAX },
        "description": format!(
            "Strings by name; names and values have at most {} KiB in all.",
            kib(META_BYTES_MAX),
        ),
    });
    Origin: |_| json_schema!({
        "type": "string",
        "maxLength": ORIGIN_BYTES_MAX,
        "pattern": r"^[a-z][a-z0-9+.-]*://[a-z0-9+.\-_:\[\]]+$",
        "description": "Where a page comes from, as browsers send it: scheme://host or \
                        scheme://host:port in lower case, without a path.",
    });
}

/// By their names, as they stand in a [`crate::problem::Problem`].
impl JsonSchema for ProblemCode {
    fn schema_name() -> Cow<'static, str> {
        "ProblemCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|code| code.name()).collect();
        json_schema!({ "type": "string", "enum": names, "description": "What a program compares." })
    }
}

/// A copy needs a sender whose sessions get it.
pub(crate) fn echo_needs_from(send: &mut Schema) {
    let no_copy = json!({ "properties": { "echo": { "enum": [false, null] } } });
    let sender = json!({ "properties": { "from": { "type": "string" } }, "required": ["from"] });
    send.insert("dependentSchemas".to_owned(), json!({ "echo": { "anyOf": [no_copy, sender] } }));
}

/// A message goes to the users that are named, or to everyone, and is not kept then.
pub(crate) fn users_or_everyone(bulk: &mut Schema) {
    let everyone =
        json!({ "properties": { "everyone": { "const": true } }, "required": ["everyone"] });
    let not_kept = json!({
        "properties": {
            "users": { "maxItems": 0 },
            "to": { "anyOf": [{ "type": "null" }, { "pattern": "^(all$|device:|class:)" }] },
            "ttl": { "type": "null" },
            "echo": { "enum": [false, null] },
        },
    });
    let named = json!({ "properties": { "users": { "minItems": 1 } }, "required": ["users"] });
    for (keyword, schema) in [("if", everyone), ("then", not_kept), ("else", named)] {
        bulk.insert(keyword.to_owned(), schema);
    }
}

fn name(what: &str) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": NAME_BYTES_MAX,
        "pattern": format!("^{PRINTABLE}+$"),
        "not": { "enum": [".", ".."] },
        "description": format!(
            "{what}. At most {NAME_BYTES_MAX} bytes of UTF-8 without control characters, and not \
             `.` or `..`; compared byte for byte."
        ),
    })
}

fn id(prefix: &str, what: &str) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": format!("^{prefix}{ID_REST}$"),
        "description": format!("{what}."),
    })
}

fn target() -> Schema {
    let named = |kind: &str| format!("^{kind}:{PRINTABLE}{{1,{NAME_BYTES_MAX}}}$");
    json_schema!({
        "type": "string",
        "anyOf": [
            { "enum": ["all", "active"] },
            { "pattern": named("device") },
            { "pattern": named("class") },
            { "pattern": format!("^session:{}{ID_REST}$", SessionId::PREFIX) },
        ],
        "not": { "enum": ["device:.", "device:..", "class:.", "class:.."] },
        "description": "Which of a user's sessions: `all`, `active` (the one used last), \
                        `device:<id>`, `class:<name>` or `session:<id>`.",
    })
}
