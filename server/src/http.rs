//! HTTP: the API for backends, pages for people, health for machines.
//!
//! A thin edge over `node`: it reads requests, calls one function, and writes the answer. Sockets
//! come from the door with what they said already.

mod router;
mod table;
mod dev;
mod document;
mod operation;
mod pages;
mod calls;
mod cursor;
mod events;
mod metrics;
mod connect;
mod repeatable;
mod guard;
mod who;
mod taken;
mod reply;
mod shape;
mod visit;

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use protocol::limit;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use self::visit::Visit;
pub use self::{
    router::{Route, routes},
    who::Who,
};
use crate::{
    door::{Entrance, Visitor},
    node::Node,
    places::{Place, Places},
    shard::Shards,
};

/// HTTP sockets at once. More wait until one closes.
const VISITS_MAX: usize = 4096;

/// HTTP sockets at once, beyond which the longest there close after the call that is under way. The
/// rest of the room is for those in the middle of one.
const VISITS_CROWDED: usize = 3072;

/// From an answer to the whole head of the next request. The first head was read at the door.
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// Serves the visitors of one entrance until told to stop, then lets what is under way finish.
pub(crate) async fn serve(
    node: Arc<Node>,
    shards: Shards,
    entrance: Entrance,
    mut visitors: mpsc::Receiver<Visitor>,
    mut stop: watch::Receiver<bool>,
) {
    let router = router::router(&node, &shards, entrance);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(IDLE_WAIT)
        .max_headers(limit::HEADERS_MAX)
        .max_buf_size(node.config().limits.head_bytes);
    let room = Arc::new(Semaphore::new(VISITS_MAX));
    let mut places = Places::new(VISITS_CROWDED);
    loop {
        let visitor = tokio::select! {
            visitor = visitors.recv() => visitor,
            () = stopped(&mut stop) => None,
        };
        let Some(visitor) = visitor else { break };
        let place = places.take();
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let (http, router, stop) = (http.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            serve_one(&http, router, visitor, stop, place).await;
            drop(permit);
        });
    }
    // Every place is free when every visit is over.
    let all = u32::try_from(VISITS_MAX).expect("a small number");
    drop(room.acquire_many(all).await);
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender the node has gone as well.
    stop.wait_for(|stop| *stop).await.map(drop).ok();
}

async fn serve_one(
    http: &http1::Builder,
    router: Router,
    visitor: Visitor,
    mut stop: watch::Receiver<bool>,
    mut place: Place,
) {
    let Visitor { socket, peer, said } = visitor;
    let socket = match socket.watch() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "a socket cannot be watched");
            return;
        }
    };
    let (peer, cut) = (guard::Peer(peer.ip().to_canonical()), events::Cut::default());
    let (router, of_visit) = (TowerToHyperService::new(router), cut.clone());
    // By request, since a layer would copy all routes for each visit.
    let router = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(of_visit.clone());
        router.call(request)
    });
    let (visit, mut reading) = Visit::new(said, socket);
    let visit = http.serve_connection(TokioIo::new(visit), router).with_upgrades();
    tokio::pin!(visit);
    let ended = tokio::select! {
        ended = &mut visit => Some(ended),
        () = stopped(&mut stop) => None,
        () = place.wanted() => None,
        () = cut.wanted() => return,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            visit.as_mut().graceful_shutdown();
            // For a call that is under way, and not for who does not read its answer: it would keep
            // its place from those who do.
            let wait = limit::BODY_WAIT + limit::CLOSE_WAIT;
            tokio::select! {
                ended = timeout(wait, visit) => match ended {
                    Ok(ended) => ended,
                    Err(_) => return,
                },
                () = reading.stalled() => return,
                () = cut.wanted() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a visit broke off");
    }
}
