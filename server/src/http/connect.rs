//! Connect: a handshake on a socket on which HTTP was spoken before.
//!
//! Proxies keep sockets to a server open and may use any of them for a WebSocket. So the HTTP
//! server gives such a socket away when it has answered.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use protocol::{SUBPROTOCOL, problem::ProblemCode};

use super::{guard::Peer, visit::Visit};
use crate::{
    answer::Refusal,
    door::{
        leaving::Leaving,
        verdict::{self, Verdict},
    },
    node::Node,
    shard::{Handoff, Shards},
    ws::{handshake::Ask, socket::Socket},
};

/// `/v1/connect`, by whatever method.
pub(super) async fn connect(
    State(node): State<Arc<Node>>,
    Extension(shards): Extension<Shards>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    // HTTP has the socket, and drops this when its peer has left.
    match verdict::on(&node, peer, &head(&request), || false).await {
        Verdict::Gone => Refusal::later(ProblemCode::Overloaded).last_answer().into_response(),
        Verdict::Refused(refusal) => refusal.last_answer().into_response(),
        Verdict::Closed(ask, farewell) => {
            tokio::spawn(async move {
                if let Some((socket, _)) = taken(upgrade).await {
                    Leaving::after(farewell.0, socket).close(&node).await;
                }
            });
            switching(&ask)
        }
        Verdict::Admitted(ask, admitted, room) => {
            let response = switching(&ask);
            let speaks_usher = ask.speaks_usher;
            tokio::spawn(async move {
                let taken = taken(upgrade).await;
                match taken.and_then(|(socket, early)| Some((socket.unwatch().ok()?, early))) {
                    Some((socket, early)) => {
                        let admitted = *admitted;
                        let handoff = Handoff { socket, admitted, room, speaks_usher, early };
                        shards.hand_off(&node, handoff).await;
                    }
                    None => node.never_welcomed(&admitted).await,
                }
            });
            response
        }
    }
}

/// `/v1/connect` at an address that is not for sessions.
pub(super) async fn nowhere() -> Response {
    Refusal::plain(ProblemCode::NotFound).last_answer().into_response()
}

/// The head as it was sent, as far as a handshake is looked at.
fn head(request: &Request) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let version = format!("{:?}", request.version());
    let mut head = format!("{} {target} {version}\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The socket, when HTTP is done with it, and what it said since.
async fn taken(upgrade: OnUpgrade) -> Option<(Socket, Vec<u8>)> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<Visit>>().ok()?;
    let (socket, said) = parts.io.into_inner().into_parts();
    Some((socket, [&parts.read_buf[..], &said[..]].concat()))
}

fn switching(ask: &Ask) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&ask.accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if ask.speaks_usher {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}
