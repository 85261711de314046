//! Document: the API as OpenAPI 3.1, for programs that make SDKs or tests of it.
//!
//! It is written from the same list as the router, so it is never behind. Keys stand in
//! alphabetical order, and nothing in it depends on the node that answers, so that a change of the
//! API is a small difference in `docs/openapi.json`, which a test holds against it.
//!
//! Not here: what there is to describe (`table`, `shape`).

mod schemas;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use axum::{
    Extension,
    body::Bytes,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use protocol::problem::{Problem, ProblemCode};
use serde_json::{Map, Value, json};

use self::schemas::{Parameter, Schemas};
use super::{
    operation::{Call, Group},
    reply::respond,
    shape::{Answer, Gives, Header, Shape},
};
use crate::{door::Entrance, node::VERSION};

/// What is told of the API as a whole.
const ABOUT: &str = "\
What a backend asks of Usher, which delivers messages to people. What sessions see at `/v1/connect` \
is a WebSocket protocol, and no part of this document.

A path's segments are percent-encoded once. Fields and values may be added to answers, so ignore \
those that you do not know. What is not a success is a problem after RFC 9457; compare its `code`.";

/// The media type of problems.
const PROBLEM: &str = "application/problem+json";

/// The document of a list of calls, written when somebody first asks.
#[derive(Debug)]
pub(super) struct Document {
    calls: Vec<Arc<Call>>,
    written: OnceLock<Bytes>,
}

impl Document {
    pub(super) fn new(calls: Vec<Arc<Call>>) -> Self {
        Self { calls, written: OnceLock::new() }
    }

    fn text(&self) -> Bytes {
        self.written.get_or_init(|| write(&self.calls).into()).clone()
    }
}

/// The answer to whoever asks for the document.
#[derive(Debug)]
pub(super) struct Written(Bytes);

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, "application/json", self.0)
    }
}

impl Gives for Written {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::json(200, |_| schemars::json_schema!({ "type": "object" }));
    }
}

/// `GET /openapi.json`
pub(super) async fn describe(Extension(document): Extension<Arc<Document>>) -> Written {
    Written(document.text())
}

/// The whole document, as it is served and as it is kept.
fn write(calls: &[Arc<Call>]) -> String {
    let mut schemas = Schemas::default();
    let problem = schemas.of_answer(|generator| generator.subschema_for::<Problem>());
    let mut paths = BTreeMap::<&str, Map<String, Value>>::new();
    let mut problems = BTreeSet::new();
    for call in calls {
        let (method, path) = &call.operation.at;
        let methods = paths.entry(path).or_default();
        methods.insert(method.as_str().to_lowercase(), operation(call, &mut schemas));
        problems.extend(by_status(&call.problems).into_values());
    }
    let responses: BTreeMap<String, Value> =
        problems.iter().map(|codes| (response_name(codes), response(codes, &problem))).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Usher",
            "summary": "Delivers messages to people, not to sockets",
            "description": ABOUT,
            "version": VERSION,
            "license": { "name": "MIT or Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "externalDocs": { "description": "What each problem means", "url": "/problems" },
        "servers": [{ "url": "/", "description": "The node that this document is from" }],
        "tags": Group::ALL.map(|group| json!({ "name": group.name(), "description": group.about() })),
        "paths": paths,
        "components": {
            "headers": headers(),
            "responses": responses,
            "schemas": schemas.all(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key; where `read` is enough, so is one for `full`",
                },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("values can be written");
    text.push('\n');
    text
}

fn operation(call: &Call, schemas: &mut Schemas) -> Value {
    let (operation, shape) = (&call.operation, &call.shape);
    let mut parameters = Vec::new();
    if let Some(segment) = shape.segment {
        parameters.push(json!({
            "name": segment_name(operation.at.1),
            "in": "path",
            "required": true,
            "schema": schemas.of_request(segment),
        }));
    }
    for Parameter { name, is_required, about, schema } in schemas.parameters(shape.query) {
        parameters.push(json!({
            "name": name,
            "in": "query",
            "required": is_required,
            "description": about,
            "schema": schema,
        }));
    }
    for Header { name, about, schema } in &shape.headers {
        parameters.push(json!({
            "name": name,
            "in": "header",
            "required": false,
            "description": about,
            "schema": schemas.of_request(*schema),
        }));
    }
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.group.name()],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses(call, schemas),
        "security": match operation.who.wants(Entrance::Whole) {
            None => json!([]),
            Some(scope) => json!([{ "key": [scope.name()] }]),
        },
    });
    if let Some(body) = shape.body {
        let schema = schemas.of_request(body);
        described["requestBody"] = json!({
            // No body is an object without properties.
            "required": schemas.has_required(&schema),
            "content": { "application/json": { "schema": schema } },
        });
    }
    described
}

/// The name of the one segment of a path that is not the same for all.
fn segment_name(path: &str) -> &str {
    let inner = path.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    inner.map(|(name, _)| name).expect("a call that takes a segment has one in its path")
}

fn responses(call: &Call, schemas: &mut Schemas) -> Map<String, Value> {
    let Answer { status, kind, body, headers } = &call.shape.answer;
    let schema = match body {
        Some(body) => schemas.of_answer(*body),
        None => json!({ "type": "string" }),
    };
    let mut success = json!({
        "description": call.operation.gives,
        "content": { *kind: { "schema": schema } },
    });
    for Header { name, about, schema } in headers {
        let schema = schemas.of_answer(*schema);
        success["headers"][name] = json!({ "description": about, "schema": schema });
    }
    let mut responses = Map::from_iter([(status.to_string(), success)]);
    for (status, codes) in by_status(&call.problems) {
        let name = response_name(&codes);
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.insert(status.to_string(), reference);
    }
    responses
}

fn by_status(problems: &[ProblemCode]) -> BTreeMap<u16, Vec<ProblemCode>> {
    let mut by_status = BTreeMap::<u16, Vec<ProblemCode>>::new();
    for code in problems {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status
}

/// What a response is called that may have one of these codes. Many calls share it.
fn response_name(codes: &[ProblemCode]) -> String {
    codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(".")
}

fn response(codes: &[ProblemCode], problem: &Value) -> Value {
    let status = codes.first().map_or(0, |code| code.status());
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let about: Vec<String> = codes
        .iter()
        .map(|code| format!("[`{}`]({}): {}", code.name(), code.page(), code.title()))
        .collect();
    let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } });
    if codes.iter().any(|code| RETRIED.contains(code)) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    if codes.contains(&ProblemCode::KeyRefused) {
        headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/WWW-Authenticate" });
    }
    json!({
        "description": about.join("\n\n"),
        "headers": headers,
        "content": { PROBLEM: { "schema": { "allOf": [
            problem,
            { "properties": { "code": { "enum": names }, "status": { "type": "integer", "enum": [status] } } },
        ] } } },
    })
}

/// Problems that say when to try again.
const RETRIED: [ProblemCode; 4] = [
    ProblemCode::RateLimited,
    ProblemCode::Overloaded,
    ProblemCode::EngineFull,
    ProblemCode::Draining,
];

fn headers() -> Value {
    json!({
        "X-Request-Id": {
            "description": "Under which the server's log tells of the request.",
            "required": true,
            "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        },
        "Retry-After": {
            "description": "Seconds after which another try makes sense.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
        "WWW-Authenticate": {
            "description": "That a key is wanted.",
            "required": true,
            "schema": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests;
