//! Reply: answers as HTTP, and bodies as values.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use protocol::{body, limit, problem::ProblemCode};
use schemars::{JsonSchema, json_schema};
use serde::{Serialize, de::DeserializeOwned};

use super::shape::{Answer, Gives, Header, Shape};
use crate::{
    answer::{self, Refusal},
    node::Answered,
};

/// What a call returns that finds or does something.
pub(super) type Outcome<T> = Result<Json<T, 200>, Refusal>;

/// What a call returns that makes something.
pub(super) type Made<T> = Result<Json<T, 201>, Refusal>;

/// A success with a JSON body.
#[derive(Debug)]
pub(super) struct Json<T, const STATUS: u16>(T);

/// 200 with this body.
pub(super) fn ok<T>(body: T) -> Outcome<T> {
    Ok(Json(body))
}

/// 201 with this body.
pub(super) fn created<T>(body: T) -> Made<T> {
    Ok(Json(body))
}

impl<T: Serialize, const STATUS: u16> IntoResponse for Json<T, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).expect("statuses of calls are HTTP's");
        match serde_json::to_vec(&self.0) {
            Ok(body) => respond(status, "application/json", body.into()),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                Refusal::plain(ProblemCode::Internal).into_response()
            }
        }
    }
}

/// The header that tells an answer which was given before.
const IDEMPOTENT_REPLAYED: &str = "Idempotent-Replayed";

/// A success that may have been told before.
#[derive(Debug)]
pub(super) struct Told<T>(Answered<T>);

/// 200 with this answer, and whether it was given before.
pub(super) fn told<T>(answered: Answered<T>) -> Result<Told<T>, Refusal> {
    Ok(Told(answered))
}

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        let mut response = Json::<T, 200>(self.0.answer).into_response();
        if self.0.replayed {
            let yes = HeaderValue::from_static("true");
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, yes);
        }
        response
    }
}

impl<T: JsonSchema> Gives for Told<T> {
    fn tell(shape: &mut Shape) {
        Json::<T, 200>::tell(shape);
        shape.answer.headers.push(Header {
            name: IDEMPOTENT_REPLAYED,
            about: "That the call was made before, under the same Idempotency-Key.",
            schema: |_| json_schema!({ "type": "string", "const": "true" }),
        });
    }
}

impl<T: JsonSchema, const STATUS: u16> Gives for Json<T, STATUS> {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::json(STATUS, |generator| generator.subschema_for::<T>());
        shape.problems.push(ProblemCode::Internal);
    }
}

/// An answer with a body of that type, not to be kept by caches.
pub(super) fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.code;
        let mut response = self.answer().into_response();
        response.extensions_mut().insert(code);
        response
    }
}

impl IntoResponse for answer::Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, Body::from(self.body)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Reads a request's body as one JSON object, strictly.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request,
    bytes_max: usize,
) -> Result<T, Refusal> {
    Ok(body::read(&collect_json(request, bytes_max).await?)?)
}

/// Collects a request's body, which must be JSON by what its head says.
pub(super) async fn collect_json(request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    check_kind(&request)?;
    collect(request, bytes_max, limit::BODY_WAIT).await
}

/// A body is JSON whatever curl says: absent, JSON or form are all fine.
fn check_kind(request: &Request) -> Result<(), Refusal> {
    let refused = |detail| Err(Refusal::new(ProblemCode::UnsupportedMediaType, detail));
    if request.headers().contains_key(CONTENT_ENCODING) {
        return refused("bodies are taken without Content-Encoding only");
    }
    let Some(kind) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    match json || essence == "application/x-www-form-urlencoded" {
        true => Ok(()),
        false => refused("the body must be JSON"),
    }
}

async fn collect(request: Request, bytes_max: usize, wait: Duration) -> Result<Bytes, Refusal> {
    let too_large =
        || Refusal::new(ProblemCode::BodyTooLarge, format!("at most {bytes_max} bytes are taken"));
    let body = request.into_body();
    // What the head declares is refused before any of it is read.
    if http_body::Body::size_hint(&body).lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(wait, Limited::new(body, bytes_max).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(ProblemCode::BadRequest, "the body broke off")),
        Err(_) => Err(Refusal::plain(ProblemCode::RequestTimeout)),
    }
}
