//! Schema: of those bodies' types that parse themselves.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{message::Echo, seconds::Seconds};
use crate::id::SessionId;

impl JsonSchema for Echo {
    fn schema_name() -> Cow<'static, str> {
        "Echo".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whether the sender's own sessions get a copy; all of them, or all but \
                            one.",
            "anyOf": [
                { "type": "boolean" },
                {
                    "type": "object",
                    "properties": { "except": generator.subschema_for::<SessionId>() },
                    "required": ["except"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

impl<const MAX: u64> JsonSchema for Seconds<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("SecondsTo{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX })
    }
}
