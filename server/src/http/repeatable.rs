//! Repeatable: calls that may be made again, since an answer can be lost on its way.
//!
//! With a key in its head the same call is done once, however often it is made. What is kept under
//! the key is the engine's; here the key is read, and one call at a time goes on with it.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use kernel::registry::{Key, KeyScope};
use protocol::{
    body,
    http::{BulkRequest, SendRequest, SessionSendRequest},
    limit,
    problem::ProblemCode,
};
use schemars::{JsonSchema, json_schema};
use serde::de::DeserializeOwned;

use super::{
    guard::Caller,
    reply::collect_json,
    shape::{Header, Shape, Takes},
    taken::{Body, bad},
};
use crate::{answer::Refusal, config::Limits, fingerprint, node::Node, turns::Turn};

/// The header by which a call that is made again is known (draft-ietf-httpapi-idempotency-key-header).
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A body of one JSON object, of a call that may be made again under a key.
#[derive(Debug)]
pub(super) struct Repeatable<T> {
    pub(super) body: T,
    pub(super) key: Option<Key>,
    /// No other call with the key begins before this one is over.
    _turn: Option<Turn>,
}

/// How large a body may be.
pub(super) trait Bounded {
    /// Bytes at most.
    fn bytes_max(limits: &Limits) -> usize;
}

impl Bounded for SendRequest {
    fn bytes_max(limits: &Limits) -> usize {
        limits.body_bytes
    }
}

impl Bounded for SessionSendRequest {
    fn bytes_max(limits: &Limits) -> usize {
        limits.body_bytes
    }
}

impl Bounded for BulkRequest {
    fn bytes_max(limits: &Limits) -> usize {
        limits.bulk_bytes
    }
}

impl<T: DeserializeOwned + Bounded> FromRequest<Arc<Node>> for Repeatable<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, node: &Arc<Node>) -> Result<Self, Refusal> {
        let path = request.uri().path().to_owned();
        let text = key_text(&request)?;
        let caller =
            request.extensions().get::<Caller>().map(|caller| Arc::clone(&caller.key_name));
        let bytes = collect_json(request, T::bytes_max(&node.config().limits)).await?;
        let body = body::read(&bytes)?;
        let Some((text, name)) = text.zip(caller) else {
            return Ok(Self { body, key: None, _turn: None });
        };
        let turn = node.turns.take(&name, &text);
        let turn = turn.ok_or_else(|| Refusal::later(ProblemCode::InProgress))?;
        let scope = KeyScope::Backend((&*name).into());
        let key = Key { scope, text, fingerprint: fingerprint::of_request(&path, &bytes) };
        Ok(Self { body, key: Some(key), _turn: Some(turn) })
    }
}

/// A key is 1 to 255 visible characters or spaces, in the header once.
fn key_text(request: &Request) -> Result<Option<Box<str>>, Refusal> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let visible = !text.is_empty() && text.iter().all(|byte| matches!(byte, b'!'..=b'~' | b' '));
    if values.next().is_some() || !visible || text.len() > limit::KEY_BYTES_MAX {
        let most = limit::KEY_BYTES_MAX;
        return Err(bad(format!(
            "Idempotency-Key must be one text of 1 to {most} visible characters or spaces"
        )));
    }
    Ok(value.to_str().ok().map(Into::into))
}

impl<T: JsonSchema> Takes for Repeatable<T> {
    fn tell(shape: &mut Shape) {
        Body::<T>::tell(shape);
        shape.headers.push(Header {
            name: IDEMPOTENCY_KEY,
            about: "A text of your choice, by which the call is known if it is made again: it is \
                    done once, and answered as before.",
            schema: |_| {
                // Visible characters, with spaces between.
                let pattern = format!("^[!-~]([ -~]{{0,{}}}[!-~])?$", limit::KEY_BYTES_MAX - 2);
                json_schema!({ "type": "string", "pattern": pattern })
            },
        });
        shape.problems.extend([
            ProblemCode::BadParameter,
            ProblemCode::InProgress,
            ProblemCode::KeyReused,
            ProblemCode::AcceptUnknown,
        ]);
    }
}
