//! Door: what becomes of a socket that was just accepted.
//!
//! One port serves sessions and HTTP. The request head is read here; a handshake for a session is
//! answered here, anything else goes to the HTTP server with the bytes that were read. A refused
//! handshake closes its socket, so that bytes behind it are never taken for another request.

#[cfg(feature = "echo")]
mod echo;
mod head;

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use bytes::Bytes;
use engine::contract::NotAdmitted;
use kernel::registry::{Attempt, Proof};
use protocol::{
    close::CloseCode,
    frame::{Closing, ToSession},
    limit,
    problem::ProblemCode,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use self::head::{Head, Unread};
use crate::{
    answer::{REQUEST_ID, Refusal, request_id, retry_after},
    event::What,
    random,
    shard::{Handoff, Local},
    ws::{
        self,
        codec::encode,
        handshake::{self, Ask, NoHandshake},
        socket::Socket,
    },
};

/// Sockets of a shard whose request head is awaited. Others wait in the listener's queue.
const HALF_OPEN_MAX: usize = 1024;

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
    loop {
        let Ok(place) = Arc::clone(&half_open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let greeting = greet(Rc::clone(&local), stream, peer, visitors.clone());
                tokio::task::spawn_local(async move {
                    greeting.await;
                    drop(place);
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
) {
    let mut said = Vec::new();
    let head = timeout(limit::HEAD_WAIT, head::read(&mut stream, &mut said)).await;
    match head {
        Ok(Ok(Head::Session { length })) => {
            let early = said.split_off(length);
            meet(&local, stream, peer, &said, early).await;
        }
        #[cfg(feature = "echo")]
        Ok(Ok(Head::Echo { length })) => {
            let early = said.split_off(length);
            echo::serve(&local, stream, &said, early).await;
        }
        Ok(Ok(Head::Other)) => {
            let said = Bytes::from(said);
            let Ok(stream) = stream.into_std() else { return };
            if visitors.send(Visitor { stream, peer, said }).await.is_err() {
                tracing::debug!("a request came while the node went away");
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
    let node = local.node();
    let now = node.clock().moment();
    if let Err(retry_ms) = node.failed_handshakes.check(peer.ip(), now) {
        return refuse_http(stream, Refusal::after(retry_ms)).await;
    }
    let ask = match handshake::read(head) {
        Ok(ask) => ask,
        Err(NoHandshake { code, detail }) => {
            node.failed_handshakes.failed(peer.ip(), now);
            node.tell(What::ConnectRefused { code, close_code: None });
            return refuse_http(stream, Refusal::new(code, detail)).await;
        }
    };
    let admitted = match attempt(local, peer, &ask) {
        Err(code) => {
            node.tell(What::ConnectRefused {
                code: ProblemCode::of_refusal(code),
                close_code: Some(code.number()),
            });
            Err(code)
        }
        Ok(attempt) => node.admit(attempt).await.map_err(|not| match not {
            NotAdmitted::Refused(code) => code,
            NotAdmitted::Failed(_) => CloseCode::Overloaded,
        }),
    };
    match admitted {
        Err(code) => {
            if code.number() >= CloseCode::TicketExpired.number() {
                node.failed_handshakes.failed(peer.ip(), now);
            }
            refuse(stream, &ask, code).await;
        }
        Ok(admitted) => {
            let switching = handshake::switching(&ask.accept, ask.speaks_usher);
            let mut stream = stream;
            let told = stream.write_all(switching.as_bytes()).await;
            match told.and_then(|()| stream.into_std()) {
                Ok(stream) => {
                    let speaks_usher = ask.speaks_usher;
                    local.hand_off(Handoff { stream, admitted, speaks_usher, early }).await;
                }
                Err(_) => node.never_welcomed(&admitted).await,
            }
        }
    }
}

/// What the engine is asked, unless it need not be.
fn attempt(local: &Local, peer: SocketAddr, ask: &Ask) -> Result<Attempt, CloseCode> {
    let node = local.node();
    let proof = ask.proof?;
    let origin = ask.origin.clone()?;
    if node.is_draining() {
        return Err(CloseCode::Overloaded);
    }
    let partition = match &proof {
        Proof::Ticket(ticket, _) => ticket.partition(),
        Proof::Resume(token, _) => token.partition(),
    };
    Ok(Attempt {
        proof,
        session: random::session(partition),
        token: random::token(partition),
        node: Arc::clone(node.me()),
        address: peer.ip().to_canonical(),
        origin_allowed: origin.as_ref().is_some_and(|origin| node.config().allows(origin)),
        origin,
    })
}

/// Tells a refusal so that the peer can see it: by close code to those who speak `usher.v1`, since
/// a browser hides the answer to a failed handshake; else over HTTP.
async fn refuse(stream: TcpStream, ask: &Ask, code: CloseCode) {
    let refusal = match code.number() {
        4000..4200 => Refusal::later(ProblemCode::of_refusal(code)),
        _ => Refusal::new(ProblemCode::of_refusal(code), code.text()),
    };
    if !ask.speaks_usher {
        return refuse_http(stream, refusal).await;
    }
    let mut last = vec![Bytes::from(handshake::switching(&ask.accept, true))];
    if let Some(retry_ms) = refusal.retry_ms {
        let closing = Closing { retry_ms: Some(retry_ms), ..Closing::new(code) };
        last.push(ws::encode(&ToSession::Closing(&closing)));
    }
    last.push(encode::close(code.number(), code.name()));
    Socket::new(stream).close(&last, limit::CLOSE_WAIT).await;
}

async fn refuse_http(stream: TcpStream, refusal: Refusal) {
    let code = refusal.code;
    let request_id = request_id();
    tracing::debug!(code = code.name(), detail = refusal.detail, %request_id, "refused");
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n\
         {REQUEST_ID}: {request_id}\r\nConnection: close\r\n",
        code.status(),
        http::StatusCode::from_u16(code.status())
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Refused"),
    );
    head.push_str(match code {
        ProblemCode::UpgradeRequired => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        ProblemCode::MethodNotAllowed => "Allow: GET\r\n",
        _ => "",
    });
    if let Some(retry_ms) = refusal.retry_ms {
        head.push_str(&format!("Retry-After: {}\r\n", retry_after(retry_ms)));
    }
    let body = serde_json::to_string(&refusal.problem(request_id)).unwrap_or_default();
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    Socket::new(stream).close(&[Bytes::from(head)], REFUSED_WAIT).await;
}
