//! Verdict: what becomes of a handshake, before anybody is told.
//!
//! The same for a socket that begins with it and for one on which HTTP was spoken before.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use engine::contract::{Failed, NotAdmitted};
use kernel::registry::{Admitted, Attempt};
use protocol::{
    close::CloseCode,
    event::What,
    frame::{Closing, ToSession},
    grant::Origin,
    problem::ProblemCode,
};

use crate::{
    answer::Refusal,
    node::{Node, Room},
    proxies::FORWARDED_FOR,
    random,
    ws::{
        self,
        codec::encode,
        handshake::{self, Ask, NoHandshake},
    },
};

/// What becomes of a handshake.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is answered over HTTP.
    Refused(Refusal),
    /// It is answered by opening the WebSocket and closing it again, since a browser hides the
    /// answer to a failed handshake.
    Closed(Ask, Farewell),
    /// The session is admitted, and has its room at this node.
    Admitted(Ask, Box<Admitted>, Room),
}

/// The frames that a WebSocket gets that is opened only to be closed.
#[derive(Debug)]
pub(crate) struct Farewell(pub(crate) Vec<Bytes>);

/// Judges a whole request head.
pub(crate) async fn on(node: &Arc<Node>, peer: IpAddr, head: &[u8]) -> Verdict {
    let proxies = &node.config().trusted_proxies;
    // Whoever is not believed need not be heard: it takes another look at the whole head.
    let peer = match proxies.trust(peer) {
        true => proxies.origin(peer, handshake::values(head, FORWARDED_FOR).into_iter()),
        false => peer,
    };
    let ask = match handshake::read(head) {
        Ok(ask) => ask,
        Err(NoHandshake { code, detail }) => {
            node.tell(What::TicketRefused {
                problem: code,
                code: None,
                origin: None,
                address: peer,
            });
            let failed = failed(node, peer).err();
            return Verdict::Refused(failed.unwrap_or_else(|| Refusal::new(code, detail)));
        }
    };
    let by_code = |code| (code, ProblemCode::of_refusal(code));
    let ((code, problem), wait) = match attempt(node, peer, &ask) {
        Ok(attempt) => match node.pass(&attempt.proof).await {
            Ok(room) => match node.admit(attempt).await {
                Ok(admitted) => return Verdict::Admitted(ask, Box::new(admitted), room),
                Err(NotAdmitted::Refused(code)) => (by_code(code), None),
                Err(NotAdmitted::Failed(Failed::Full)) => {
                    ((CloseCode::Overloaded, ProblemCode::EngineFull), None)
                }
                Err(NotAdmitted::Asked(_) | NotAdmitted::Failed(_)) => {
                    (by_code(CloseCode::Overloaded), None)
                }
            },
            Err(wait) => (by_code(CloseCode::Overloaded), Some(wait)),
        },
        Err(code) => (by_code(code), None),
    };
    let foreign = |origin: &Origin| code == CloseCode::Forbidden && !node.config().allows(origin);
    node.tell(What::TicketRefused {
        problem,
        code: Some(code.number()),
        origin: ask.origin.clone().ok().flatten().filter(foreign),
        address: peer,
    });
    // What an honest session may meet, after a restart or in another tab, is no sign of guessing.
    let suspicious = matches!(code, CloseCode::TicketUnknown | CloseCode::TicketMissing);
    if suspicious && let Err(refusal) = failed(node, peer) {
        return Verdict::Refused(refusal);
    }
    refused(ask, (code, problem), wait)
}

/// Counts a failure of an address; many users may share it, so nobody else is refused for it.
fn failed(node: &Node, peer: IpAddr) -> Result<(), Refusal> {
    let now = node.clock().moment();
    node.failed_handshakes.check(peer, now).map_err(Refusal::after)?;
    node.failed_handshakes.failed(peer, now);
    Ok(())
}

/// What the engine is asked, unless it need not be.
fn attempt(node: &Node, peer: IpAddr, ask: &Ask) -> Result<Attempt, CloseCode> {
    let proof = ask.proof?;
    let origin = ask.origin.clone()?;
    if node.is_draining() {
        return Err(CloseCode::Overloaded);
    }
    let partition = proof.partition();
    Ok(Attempt {
        proof,
        session: random::session(partition),
        token: random::token(partition),
        node: Arc::clone(node.me()),
        address: peer,
        origin_allowed: origin.as_ref().is_some_and(|origin| node.config().allows(origin)),
        origin,
    })
}

fn refused(ask: Ask, (code, problem): (CloseCode, ProblemCode), wait: Option<Duration>) -> Verdict {
    let refusal = match (code.number(), wait) {
        (_, Some(wait)) => Refusal::later_by(problem, wait),
        (4000..4200, None) => Refusal::later(problem),
        (_, None) => Refusal::new(problem, code.text()),
    };
    if !ask.speaks_usher {
        return Verdict::Refused(refusal);
    }
    let hint = refusal.retry_ms.map(|retry_ms| {
        let closing = Closing { retry_ms: Some(retry_ms), ..Closing::new(code) };
        ws::encode(&ToSession::Closing(&closing))
    });
    let close = encode::close(code.number(), code.name());
    Verdict::Closed(ask, Farewell(hint.into_iter().chain([close]).collect()))
}
