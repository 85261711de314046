//! Taken: the arguments of calls, each read from its place in a request.
//!
//! A call names as its arguments what it needs; what does not parse never reaches it.

use std::{error::Error, sync::Arc};

use axum::{
    Extension,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, State},
    http::request::Parts,
};
use protocol::{id::SessionId, limit, name::UserId, plain, problem::ProblemCode};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

use super::{
    reply::read,
    shape::{Shape, Takes},
};
use crate::{answer::Refusal, node::Node};

/// The node is no part of a request.
impl<S> Takes for State<S> {
    fn tell(_: &mut Shape) {}
}

/// Neither is what the server says of a request.
impl<T> Takes for Extension<T> {
    fn tell(_: &mut Shape) {}
}

pub(super) fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::BadParameter, detail)
}

/// The one segment of a path that names something.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

/// What can be named in a path.
pub(super) trait Segment: JsonSchema + Sized {
    /// What a text is answered that names nothing of the kind.
    const PROBLEM: ProblemCode;

    /// Reads the segment, percent-decoded; none if it is no text.
    fn read(text: Option<&str>) -> Result<Self, Refusal>;
}

impl Segment for UserId {
    const PROBLEM: ProblemCode = ProblemCode::BadParameter;

    fn read(text: Option<&str>) -> Result<Self, Refusal> {
        let text = text.ok_or_else(|| bad("the user in the path is not UTF-8"))?;
        Self::parse(text).map_err(|error| bad(format!("the user in the path {error}")))
    }
}

impl Segment for SessionId {
    const PROBLEM: ProblemCode = ProblemCode::SessionUnknown;

    fn read(text: Option<&str>) -> Result<Self, Refusal> {
        let parsed = text.and_then(|text| Self::parse(text).ok());
        parsed.ok_or_else(|| Refusal::plain(Self::PROBLEM))
    }
}

/// What a path calls a node. Whether there is one of this name, the node knows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct NodeName(String);

impl std::ops::Deref for NodeName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Segment for NodeName {
    const PROBLEM: ProblemCode = ProblemCode::NodeUnknown;

    fn read(text: Option<&str>) -> Result<Self, Refusal> {
        text.map(|text| Self(text.to_owned())).ok_or_else(|| Refusal::plain(Self::PROBLEM))
    }
}

impl<T: Segment> FromRequestParts<Arc<Node>> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Refusal> {
        let text = Path::<String>::from_request_parts(parts, node).await;
        T::read(text.ok().as_ref().map(|Path(text)| text.as_str())).map(Self)
    }
}

impl<T: Segment> Takes for InPath<T> {
    fn tell(shape: &mut Shape) {
        shape.segment = Some(|generator| generator.subschema_for::<T>());
        shape.problems.push(T::PROBLEM);
    }
}

/// The parameters of a query, which refuses those that it does not know.
#[derive(Debug)]
pub(super) struct InQuery<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Node>> for InQuery<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Node>) -> Result<Self, Refusal> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            // The source says which parameter it is; the error itself, only that there is one.
            Err(error) => Err(bad(match error.source() {
                Some(source) => in_query(&source.to_string()),
                None => error.body_text(),
            })),
        }
    }
}

/// What is the matter with a query.
fn in_query(what: &str) -> String {
    let unknown = what.find("unknown field `").and_then(|at| plain::unknown_field(&what[at..]));
    match unknown {
        Some((field, detail)) => format!("{field} {detail}"),
        None => plain::value(what),
    }
}

impl<T: JsonSchema> Takes for InQuery<T> {
    fn tell(shape: &mut Shape) {
        shape.query = Some(T::json_schema);
        shape.problems.push(ProblemCode::BadParameter);
    }
}

/// How many items a list may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(pub(super) usize);

impl Default for Limit {
    fn default() -> Self {
        Self(limit::LIST_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.parse() {
            Ok(most @ 1..=limit::LIST_MAX) => Ok(Self(most)),
            _ => Err(D::Error::custom(format!("must be 1 to {}", limit::LIST_MAX))),
        }
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer",
            "minimum": 1,
            "maximum": limit::LIST_MAX,
            "default": limit::LIST_DEFAULT,
        })
    }
}

/// A body of one JSON object.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Node>> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, node: &Arc<Node>) -> Result<Self, Refusal> {
        read(request, node.config().limits.body_bytes).await.map(Self)
    }
}

impl<T: JsonSchema> Takes for Body<T> {
    fn tell(shape: &mut Shape) {
        shape.body = Some(|generator| generator.subschema_for::<T>());
        shape.problems.extend([
            ProblemCode::BadJson,
            ProblemCode::BadField,
            ProblemCode::UnknownField,
            ProblemCode::BodyTooLarge,
            ProblemCode::UnsupportedMediaType,
        ]);
    }
}
