//! Guard: who may call the API.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header::AUTHORIZATION;
use protocol::problem::ProblemCode;

use crate::{answer::Refusal, node::Node};

/// From where a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Lets through who shows a key; counts who shows a wrong one.
pub(super) async fn with_key(
    State(node): State<Arc<Node>>,
    Extension(Peer(address)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    match check(&node, address, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(node: &Node, address: IpAddr, request: &Request) -> Result<(), Refusal> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return Err(Refusal::plain(ProblemCode::KeyRefused));
    };
    let secret = header.as_bytes().split_at_checked(7).and_then(|(scheme, secret)| {
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(secret.trim_ascii())
    });
    // Every key is looked at, so that the time tells nothing of which one was near.
    let known = secret.is_some_and(|secret| {
        node.config().keys.iter().fold(false, |known, key| known | key.opens(secret))
    });
    // A right key opens whatever others do from its address: they may share a proxy.
    if known {
        return Ok(());
    }
    let now = node.clock().moment();
    node.failed_keys.check(address, now).map_err(Refusal::after)?;
    node.failed_keys.failed(address, now);
    Err(Refusal::plain(ProblemCode::KeyRefused))
}
