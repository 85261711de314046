//! Router: which path is which call, and who may make it.
//!
//! Calls are in the table; what is no call is here. Neither can be added without saying who may have
//! it, and tests walk all of them.

use std::sync::Arc;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodRouter, any, get, options, post},
};
use http::Method;
use protocol::{CONNECT_PATH, problem::ProblemCode};

use super::{connect, dev, document::Document, guard, operation::Calls, pages, table, who::Who};
use crate::{answer::Refusal, door::Entrance, node::Node, shard::Shards};

/// A method of a path, and who may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Who may call it.
    pub who: Who,
    /// The method; `GET` answers `HEAD` as well.
    pub method: Method,
    /// The path, with names in braces for what differs.
    pub path: &'static str,
}

type Answers = MethodRouter<Arc<Node>>;

/// What is no call of the API.
fn others() -> [(Route, Answers); 5] {
    let get_at = |path, who| Route { who, method: Method::GET, path };
    let dev_ticket = |method| Route { who: Who::Dev, method, path: "/dev/ticket" };
    [
        // A handshake by another method is refused like any other that is none.
        (get_at(CONNECT_PATH, Who::Ticket), any(connect::connect)),
        (get_at("/favicon.ico", Who::Anybody), get(pages::no_icon)),
        (get_at("/", Who::Dev), get(dev::index)),
        (dev_ticket(Method::POST), post(dev::ticket)),
        (dev_ticket(Method::OPTIONS), options(dev::preflight)),
    ]
}

fn all(calls: Calls) -> impl Iterator<Item = (Route, Answers)> {
    let of_calls = calls.known.into_iter().zip(calls.answers).map(|(call, answers)| {
        let (method, path) = call.operation.at.clone();
        (Route { who: call.operation.who, method, path }, answers)
    });
    of_calls.chain(others())
}

/// Every path that there is, and who may call it.
#[must_use]
pub fn routes() -> Vec<Route> {
    all(table::calls()).map(|(route, _)| route).collect()
}

/// What is served at an entrance.
pub(super) fn router(node: &Arc<Node>, shards: &Shards, entrance: Entrance) -> Router {
    let (calls, dev) = (table::calls(), node.config().dev);
    let document = Arc::new(Document::new(calls.known.clone()));
    let mut router = Router::new();
    for (Route { who, path, .. }, mut answers) in all(calls) {
        if !who.is_at(entrance) || (who == Who::Dev && !dev) {
            continue;
        }
        if let Some(wants) = who.wants(entrance) {
            let gate = guard::Gate { node: Arc::clone(node), wants };
            answers = answers.route_layer(from_fn_with_state(gate, guard::with_key));
            if dev {
                answers = answers.route_layer(from_fn(dev::not_rebound));
            }
        }
        router = router.route(path, answers);
    }
    if entrance == Entrance::Api {
        router = router.route(CONNECT_PATH, any(connect::nowhere));
    }
    router
        .layer(Extension(document))
        .layer(Extension(shards.clone()))
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
