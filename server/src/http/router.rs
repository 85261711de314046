//! Router: which path is which call, and who may make it.

use std::sync::Arc;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use protocol::{CONNECT_PATH, problem::ProblemCode};

use super::{connect, dev, document::Document, guard, operation::Calls, pages, table};
use crate::{answer::Refusal, node::Node, shard::Shards};

/// All paths of a node.
pub(crate) fn router(node: &Arc<Node>, shards: Shards) -> Router {
    let Calls { known, keyed, open } = table::calls();
    // Every path under `/v1` but the handshake's; there is no other way to add one that needs a key.
    let api = keyed
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(node), guard::with_key));
    let open = open
        .layer(Extension(Arc::new(Document::new(known))))
        .route(CONNECT_PATH, any(connect::connect).layer(Extension(shards)))
        .route("/favicon.ico", get(pages::no_icon));
    let dev_pages = match node.config().dev {
        false => Router::new(),
        true => Router::new()
            .route("/", get(dev::index))
            .route("/dev/ticket", post(dev::ticket).options(dev::preflight)),
    };
    let api = match node.config().dev {
        false => api,
        true => api.layer(from_fn(dev::not_rebound)),
    };
    open.merge(dev_pages)
        .merge(api)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Arc::clone(node))
}

async fn not_found() -> Refusal {
    Refusal::plain(ProblemCode::NotFound)
}

async fn method_not_allowed() -> Refusal {
    Refusal::plain(ProblemCode::MethodNotAllowed)
}
