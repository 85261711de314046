//! Door: what becomes of a socket that was just accepted.
//!
//! One port serves sessions and HTTP. The request head is read here; a handshake for a session is
//! answered here, anything else goes to the HTTP server with the bytes that were read. A refused
//! handshake closes its socket, so that bytes behind it are never taken for another request.

#[cfg(feature = "echo")]
mod echo;
mod head;
pub(crate) mod verdict;

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use bytes::Bytes;
use protocol::{limit, problem::ProblemCode};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use self::{
    head::{Head, Unread},
    verdict::{Farewell, Verdict},
};
use crate::{
    answer::Refusal,
    places::{Place, Places},
    shard::{Handoff, Local},
    ws::{handshake, socket::Socket},
};

/// Sockets of a shard that are at the door. Others wait in the listener's queue.
const HALF_OPEN_MAX: usize = 4096;

/// Sockets of a shard whose request head is awaited, beyond which the longest awaited go.
const SILENT_MAX: usize = 3072;

/// How long a refused peer may take to close.
const REFUSED_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// A socket that speaks HTTP, and what it said already.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) said: Bytes,
}

/// Accepts sockets for ever.
pub(crate) async fn open(local: Rc<Local>, listener: TcpListener, visitors: mpsc::Sender<Visitor>) {
    let half_open = Arc::new(Semaphore::new(HALF_OPEN_MAX));
    let mut silent = Places::new(SILENT_MAX);
    loop {
        let Ok(permit) = Arc::clone(&half_open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (local, visitors, place) = (Rc::clone(&local), visitors.clone(), silent.take());
                tokio::task::spawn_local(async move {
                    greet(local, stream, peer, visitors, place).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: others must close before this can go on.
                tracing::warn!(%error, "a socket cannot be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn greet(
    local: Rc<Local>,
    mut stream: TcpStream,
    peer: SocketAddr,
    visitors: mpsc::Sender<Visitor>,
    mut place: Place,
) {
    let mut said = Vec::new();
    let head = tokio::select! {
        head = timeout(limit::HEAD_WAIT, head::read(&mut stream, &mut said)) => head,
        () = place.wanted() => return,
    };
    drop(place);
    match head {
        Ok(Ok(Head::Session { length })) => {
            let early = said.split_off(length);
            meet(&local, stream, peer, &said, early).await;
        }
        #[cfg(feature = "echo")]
        Ok(Ok(Head::Echo { length })) => {
            let early = said.split_off(length);
            echo::serve(stream, &said, early).await;
        }
        Ok(Ok(Head::Other)) => {
            let said = Bytes::from(said);
            let Ok(room) = visitors.try_reserve() else {
                return refuse_http(stream, Refusal::later(ProblemCode::Overloaded)).await;
            };
            if let Ok(stream) = stream.into_std() {
                room.send(Visitor { stream, peer, said });
            }
        }
        Ok(Err(Unread::Gone)) => {}
        Ok(Err(Unread::Refused(code))) => refuse_http(stream, Refusal::plain(code)).await,
        Err(_) if said.is_empty() => {}
        Err(_) => refuse_http(stream, Refusal::plain(ProblemCode::RequestTimeout)).await,
    }
}

/// A handshake for a session: refused, or admitted and handed to its shard.
async fn meet(local: &Rc<Local>, stream: TcpStream, peer: SocketAddr, head: &[u8], early: Vec<u8>) {
    match verdict::on(local.node(), peer.ip().to_canonical(), head).await {
        Verdict::Refused(refusal) => refuse_http(stream, refusal).await,
        Verdict::Closed(ask, Farewell(mut last)) => {
            last.insert(0, handshake::switching(&ask.accept, ask.speaks_usher).into());
            Socket::new(stream).close(&last, limit::CLOSE_WAIT).await;
        }
        Verdict::Admitted(ask, admitted) => {
            let switching = handshake::switching(&ask.accept, ask.speaks_usher);
            let mut stream = stream;
            let told = stream.write_all(switching.as_bytes()).await;
            match told.and_then(|()| stream.into_std()) {
                Ok(stream) => {
                    let (speaks_usher, admitted) = (ask.speaks_usher, *admitted);
                    let handoff = Handoff { stream, admitted, speaks_usher, early };
                    local.shards().hand_off(local.node(), handoff).await;
                }
                Err(_) => local.node().never_welcomed(&admitted).await,
            }
        }
    }
}

async fn refuse_http(stream: TcpStream, refusal: Refusal) {
    let answer = refusal.last_answer().to_bytes();
    Socket::new(stream).close(&[answer.into()], REFUSED_WAIT).await;
}
