//! Door: what becomes of a socket that was just accepted.
//!
//! One port serves sessions and HTTP. The request head is read here; a handshake for a session is
//! answered here, anything else goes to the HTTP server with the bytes that were read. A refused
//! handshake closes its socket, so that bytes behind it are never taken for another request.
//!
//! Where the port speaks TLS, its handshake is part of reading the head, within the same time.

#[cfg(feature = "echo")]
mod echo;
pub(crate) mod head;
pub(crate) mod verdict;
pub(crate) mod leaving;

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use bytes::Bytes;
use protocol::problem::ProblemCode;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};

use self::{
    head::{Head, Unread},
    leaving::Leaving,
    verdict::{Farewell, Verdict},
};
use crate::{
    answer::Refusal,
    places::{Place, Places},
    shard::{Handoff, Local},
    tls::Pair,
    ws::{
        handshake,
        socket::{Socket, Unwatched},
    },
};

/// Sockets of a shard that are at the door. Others wait in the listener's queue.
const HALF_OPEN_MAX: usize = 4096;

/// Sockets of a shard whose request head is awaited, beyond which the longest awaited go.
const SILENT_MAX: usize = 3072;

/// What is said to who speaks HTTP without TLS.
const SPEAKS_TLS: &str = "this port speaks TLS; use https:// and wss://";
/// How long to wait after a socket could not be accepted.
const SHUT_WAIT: std::time::Duration = std::time::Duration::from_millis(50);

/// What a listening address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// Everything.
    Whole,
    /// Sessions; the API has an address of its own.
    Public,
    /// The API.
    Api,
}

/// A socket that speaks HTTP, and what it said already.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) socket: Unwatched,
    pub(crate) peer: SocketAddr,
    pub(crate) said: Bytes,
}

/// What sockets speak: TLS with the pair that is shown at the moment, or nothing of the kind.
pub(crate) type Shown = Option<watch::Receiver<Pair>>;

/// Accepts sockets for ever.
pub(crate) async fn open(
    local: Rc<Local>,
    entrance: Entrance,
    listener: TcpListener,
    shown: Shown,
    visitors: mpsc::Sender<Visitor>,
) {
    let half_open = Arc::new(Semaphore::new(HALF_OPEN_MAX));
    let (mut silent, mut shut) = (Places::new(SILENT_MAX), false);
    loop {
        let Ok(permit) = Arc::clone(&half_open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                if std::mem::take(&mut shut) {
                    tracing::info!("sockets are accepted again");
                }
                let Some(socket) = socket(stream, &shown) else { continue };
                let (local, visitors, place) = (Rc::clone(&local), visitors.clone(), silent.take());
                let stranger = Stranger { socket, peer, entrance };
                tokio::task::spawn_local(async move {
                    let leaving = greet(&local, stranger, visitors, place).await;
                    drop(permit);
                    if let Some(leaving) = leaving {
                        leaving.close(local.node()).await;
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: others must close before this can go on. Said once,
                // since it is tried again until they do.
                if !std::mem::replace(&mut shut, true) {
                    tracing::warn!(%error, "sockets cannot be accepted");
                }
                tokio::time::sleep(SHUT_WAIT).await;
            }
        }
    }
}

fn socket(stream: TcpStream, shown: &Shown) -> Option<Socket> {
    let Some(shown) = shown else { return Some(Socket::Plain(stream)) };
    Socket::tls(stream, &shown.borrow())
        .inspect_err(|error| tracing::error!(%error, "a socket cannot speak TLS"))
        .ok()
}

/// A socket that has yet to say what it wants.
struct Stranger {
    socket: Socket,
    peer: SocketAddr,
    entrance: Entrance,
}

/// Sees to it that a socket gets where it wants; what is left to be closed is given back.
async fn greet(
    local: &Rc<Local>,
    stranger: Stranger,
    visitors: mpsc::Sender<Visitor>,
    mut place: Place,
) -> Option<Leaving> {
    let Stranger { socket, peer, entrance } = stranger;
    let limits = &local.node().config().limits;
    let mut said = Vec::new();
    let head = head::read(&socket, limits.head_bytes, &mut said);
    let head = tokio::select! {
        head = timeout(limits.head_wait, head) => head,
        () = place.wanted() => return None,
    };
    drop(place);
    Some(match head {
        Ok(Ok(Head::Session { length })) if entrance != Entrance::Api => {
            let early = said.split_off(length);
            return meet(local, socket, peer, &said, early).await;
        }
        #[cfg(feature = "echo")]
        Ok(Ok(Head::Echo { length })) => {
            let early = said.split_off(length);
            return echo::serve(socket, &said, early).await;
        }
        Ok(Ok(Head::Session { .. } | Head::Other)) => {
            let said = Bytes::from(said);
            if let Ok(room) = visitors.try_reserve() {
                room.send(Visitor { socket: socket.unwatch().ok()?, peer, said });
                return None;
            }
            Leaving::refused(Refusal::later(ProblemCode::Overloaded), socket)
        }
        // Who broke off the handshake of TLS may still be listening for the reason.
        Ok(Err(Unread::Gone)) => Leaving::silent(socket),
        Ok(Err(Unread::InTheClear)) => {
            let refusal = Refusal::new(ProblemCode::BadRequest, SPEAKS_TLS);
            Leaving::refused(refusal, socket.into_plain())
        }
        Ok(Err(Unread::Refused(code))) => Leaving::refused(Refusal::plain(code), socket),
        Err(_) if said.is_empty() => return None,
        Err(_) => Leaving::refused(Refusal::plain(ProblemCode::RequestTimeout), socket),
    })
}

/// A handshake for a session: refused, or admitted and handed to its shard.
async fn meet(
    local: &Rc<Local>,
    socket: Socket,
    peer: SocketAddr,
    head: &[u8],
    early: Vec<u8>,
) -> Option<Leaving> {
    let left = || socket.has_ended();
    match verdict::on(local.node(), peer.ip().to_canonical(), head, left).await {
        Verdict::Gone => Some(Leaving::silent(socket)),
        Verdict::Refused(refusal) => Some(Leaving::refused(refusal, socket)),
        Verdict::Closed(ask, Farewell(mut last)) => {
            last.insert(0, handshake::switching(&ask.accept, ask.speaks_usher).into());
            Some(Leaving::after(last, socket))
        }
        Verdict::Admitted(ask, admitted, room) => {
            let switching = handshake::switching(&ask.accept, ask.speaks_usher);
            let told = socket.write_all(switching.as_bytes()).await;
            match told.and_then(|()| socket.unwatch()) {
                Ok(socket) => {
                    let (speaks_usher, admitted) = (ask.speaks_usher, *admitted);
                    let handoff = Handoff { socket, admitted, room, speaks_usher, early };
                    local.shards().hand_off(local.node(), handoff).await;
                }
                Err(_) => local.node().never_welcomed(&admitted).await,
            }
            None
        }
    }
}
