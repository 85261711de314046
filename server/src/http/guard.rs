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

use crate::{answer::Refusal, config::Key, node::Node};

/// From where a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Who calls the API: the key, as calls may know it. An extension of every request that the guard
/// lets through.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// What the key's operator calls it.
    pub(super) key_name: Arc<str>,
}

/// Lets through who shows a key; counts who shows a wrong one.
pub(super) async fn with_key(
    State(node): State<Arc<Node>>,
    Extension(Peer(address)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    match check(&node, address, &request) {
        Ok(key) => {
            let caller = Caller { key_name: Arc::clone(key.name()) };
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn check<'n>(node: &'n Node, address: IpAddr, request: &Request) -> Result<&'n Key, Refusal> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return Err(Refusal::plain(ProblemCode::KeyRefused));
    };
    let secret = header.as_bytes().split_at_checked(7).and_then(|(scheme, secret)| {
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(secret.trim_ascii())
    });
    // Every key is looked at, so that the time tells nothing of which one was near.
    let known = secret.and_then(|secret| {
        let keys = node.config().keys.iter();
        keys.fold(None, |known, key| if key.opens(secret) { Some(key) } else { known })
    });
    // A right key opens whatever others do from its address: they may share a proxy.
    if let Some(key) = known {
        return Ok(key);
    }
    let now = node.clock().moment();
    node.failed_keys.check(address, now).map_err(Refusal::after)?;
    node.failed_keys.failed(address, now);
    Err(Refusal::plain(ProblemCode::KeyRefused))
}
