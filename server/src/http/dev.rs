//! Dev: what `usher dev` serves besides, for pages and people on this machine.
//!
//! A ticket without a key is for pages that a developer serves from this machine. So the request
//! must be addressed to this machine by one of its own names (a foreign name that resolves here is
//! an attack), and a page that asks must come from this machine too.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        HOST, ORIGIN, VARY,
    },
};
use protocol::{
    CONNECT_PATH,
    grant::Origin,
    http::{TicketReply, TicketRequest},
    problem::ProblemCode,
};

use super::{
    pages::Page,
    reply::{Made, created, read},
};
use crate::{answer::Refusal, config::DEV_KEY, node::Node};

/// The page of links.
pub(super) async fn index(headers: HeaderMap) -> Result<Page, Refusal> {
    let host = local_host(&headers)?;
    let send = format!(
        "curl -H 'Authorization: Bearer {DEV_KEY}' -d '{{\"data\":\"hi\"}}' \
         http://{host}/v1/users/alice/messages"
    );
    let body = format!(
        "<p>This is <code>usher dev</code>: in memory, for this machine only.\
         <dl><dt>Be alice<dd><code>usher connect alice</code>\
         <dt>Send to her<dd><code>{send}</code>\
         <dt>WebSocket<dd><code>ws://{host}{CONNECT_PATH}?ticket=…</code>\
         <dt>A ticket for a page on this machine\
         <dd><code>curl -d '{{\"user\":\"alice\"}}' http://{host}/dev/ticket</code>\
         <dt>Health<dd><a href=\"/livez\">/livez</a> <a href=\"/readyz\">/readyz</a> \
         <a href=\"/version\">/version</a>\
         <dt>The API, for programs<dd><a href=\"/openapi.json\">/openapi.json</a>\
         <dt>Problems<dd><a href=\"/problems\">/problems</a></dl>"
    );
    Ok(Page::new("usher dev", body))
}

/// `POST /dev/ticket`
pub(super) async fn ticket(State(node): State<Arc<Node>>, request: Request) -> Response {
    let headers = request.headers().clone();
    match mint(&node, request).await {
        Ok(reply) => with_origin(&headers, reply.into_response()),
        Err(refusal) => with_origin(&headers, refusal.into_response()),
    }
}

async fn mint(node: &Node, request: Request) -> Made<TicketReply> {
    local_host(request.headers())?;
    if request.headers().contains_key(ORIGIN) && local_origin(request.headers()).is_none() {
        let detail = "tickets without a key are for pages on this machine";
        return Err(Refusal::new(ProblemCode::Forbidden, detail));
    }
    let request: TicketRequest = read(request, node.config().limits.body_bytes).await?;
    created(node.mint(request).await?)
}

/// A browser asks before it posts JSON to another port (Fetch standard, CORS preflight).
pub(super) async fn preflight(headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend([
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type")),
    ]);
    with_origin(&headers, response)
}

/// Lets a page of this machine, and no other, see the answer.
fn with_origin(headers: &HeaderMap, mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = local_origin(headers) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

/// Keeps out pages whose own name was made to lead here (DNS rebinding): to a browser they are of
/// one origin with this server, and everybody knows its key.
pub(super) async fn not_rebound(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match host.contains('.') {
        true => match local_host(request.headers()) {
            Ok(_) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        },
        // Such a name is of this network only.
        false => next.run(request).await,
    }
}

fn local_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let value = headers.get(ORIGIN)?;
    let origin = Origin::parse(value.to_str().ok()?).ok()?;
    origin.is_localhost().then_some(value)
}

fn local_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let local = Origin::parse(&format!("http://{}", host.to_ascii_lowercase()))
        .is_ok_and(|origin| origin.is_localhost());
    let detail = "usher dev is reached as localhost, 127.0.0.1 or [::1] only";
    if local { Ok(host) } else { Err(Refusal::new(ProblemCode::Forbidden, detail)) }
}
