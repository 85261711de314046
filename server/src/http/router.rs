//! Router: which path is which call, and who may make it.

use std::sync::Arc;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use protocol::{CONNECT_PATH, problem::ProblemCode};

use super::{calls, connect, dev, guard, pages};
use crate::{answer::Refusal, node::Node, shard::Shards};

/// All paths of a node.
pub(crate) fn router(node: &Arc<Node>, shards: Shards) -> Router {
    // Every path below needs a key; there is no other way to add one to the API.
    let api = Router::new()
        .route("/v1/tickets", post(calls::mint))
        .route("/v1/users/{user}", get(calls::show_user))
        .route("/v1/users/{user}/messages", post(calls::send))
        .route(
            "/v1/users/{user}/sessions",
            get(calls::sessions_of_user).delete(calls::end_sessions_of_user),
        )
        .route("/v1/sessions", get(calls::sessions))
        .route("/v1/sessions/{session}", get(calls::show_session).delete(calls::end_session))
        .route("/v1/sessions/{session}/messages", post(calls::send_to_session))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(node), guard::with_key));
    let open = Router::new()
        .route(CONNECT_PATH, any(connect::connect).layer(Extension(shards)))
        .route("/livez", get(pages::livez))
        .route("/readyz", get(pages::readyz))
        .route("/version", get(pages::version))
        .route("/problems", get(pages::problems))
        .route("/problems/{code}", get(pages::problem))
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
