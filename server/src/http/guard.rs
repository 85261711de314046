//! Guard: who may call the API.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header::AUTHORIZATION};
use protocol::problem::ProblemCode;

use crate::{
    answer::Refusal,
    config::{Key, Scope},
    node::Node,
    proxies::FORWARDED_FOR,
};

/// The other end of a request's socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// What a call asks for.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) node: Arc<Node>,
    /// What the key must be good for.
    pub(super) wants: Scope,
}

/// Who calls the API: the key, as calls may know it. An extension of every request that the guard
/// lets through.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// What the key's operator calls it.
    pub(super) key_name: Arc<str>,
}

/// Lets through who shows a key that is good for the call; counts who shows a wrong one.
pub(super) async fn with_key(
    State(gate): State<Gate>,
    Extension(Peer(address)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = sender(&gate.node, address, &request);
    let key = match check(&gate.node, address, &request) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    match (gate.wants, key.scope()) {
        (Scope::Full, Scope::Read) => {
            tracing::debug!(key = %key.name(), path = request.uri().path(), "may only read");
            Refusal::plain(ProblemCode::ReadOnlyKey).into_response()
        }
        (Scope::Full, Scope::Full) | (Scope::Read, _) => {
            let caller = Caller { key_name: Arc::clone(key.name()) };
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    }
}

/// Who sends a request, as far as those who bring it are believed.
fn sender(node: &Node, peer: IpAddr, request: &Request) -> IpAddr {
    let values = request.headers().get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    node.config().trusted_proxies.origin(peer, values)
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
    tracing::warn!(%address, path = request.uri().path(), "a wrong key was shown");
    Err(Refusal::plain(ProblemCode::KeyRefused))
}
