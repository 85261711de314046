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
mod taken;
mod reply;
mod shape;
mod visit;

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use protocol::limit;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

pub(crate) use self::router::router;
use self::visit::Visit;
use crate::{
    door::Visitor,
    places::{Place, Places},
};

/// HTTP sockets at once. More wait until one closes.
const VISITS_MAX: usize = 4096;

/// HTTP sockets at once, beyond which the longest there close after the call that is under way. The
/// rest of the room is for those in the middle of one.
const VISITS_CROWDED: usize = 3072;

/// From an answer to the whole head of the next request. The first head was read at the door.
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// Serves visitors until told to stop, then lets what is under way finish.
pub(crate) async fn serve(
    router: Router,
    mut visitors: mpsc::Receiver<Visitor>,
    mut stop: watch::Receiver<bool>,
) {
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
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            serve_one(router, visitor, stop, place).await;
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
    let router = router.layer((axum::Extension(peer), axum::Extension(cut.clone())));
    let visit = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_WAIT)
        .max_headers(limit::HEADERS_MAX)
        .max_buf_size(limit::HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Visit::new(said, socket)), TowerToHyperService::new(router))
        .with_upgrades();
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
            // Whoever does not read its answer would stay for ever.
            let wait = limit::BODY_WAIT + limit::CLOSE_WAIT;
            tokio::select! {
                ended = timeout(wait, visit) => match ended {
                    Ok(ended) => ended,
                    Err(_) => return,
                },
                () = cut.wanted() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a visit broke off");
    }
}
