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
    /// Nobody is there any more who could be a session.
    Gone,
}

/// The frames that a WebSocket gets that is opened only to be closed.
#[derive(Debug)]
pub(crate) struct Farewell(pub(crate) Vec<Bytes>);

/// Why a handshake comes to nothing, and what is told of it.
struct No {
    verdict: Verdict,
    problem: ProblemCode,
    code: Option<CloseCode>,
    /// That of the page, if it is one to be added to the configuration.
    origin: Option<Origin>,
    fault: Fault,
}

/// Whose fault it is that a handshake comes to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The node cannot take it now.
    Ours,
    /// An honest session may meet it: after a restart, or in another tab.
    Chance,
    /// No honest session does that.
    Theirs,
}

/// Judges a whole request head. `left` tells whether the peer has left since it wrote that: whoever
/// gave up may be a session elsewhere by now, which a late admission would take away.
pub(crate) async fn on(
    node: &Arc<Node>,
    peer: IpAddr,
    head: &[u8],
    left: impl FnOnce() -> bool,
) -> Verdict {
    let proxies = &node.config().trusted_proxies;
    // Whoever is not believed need not be heard: it takes another look at the whole head.
    let peer = match proxies.trust(peer) {
        true => proxies.origin(peer, handshake::values(head, FORWARDED_FOR).into_iter()),
        false => peer,
    };
    let now = node.clock().moment();
    let failing = node.failed_handshakes.check(peer, now).err();
    // Others may share the address. So who comes from it is not turned away, but has a turn.
    if failing.is_some()
        && let Err(wait) = node.suspects.pass(now)
    {
        return limited(node, Refusal::later_by(ProblemCode::RateLimited, wait));
    }
    let no = match judge(node, peer, head, left).await {
        Ok(admitted) => {
            if failing.is_some() {
                node.suspects.give_back();
            }
            return admitted;
        }
        Err(no) => no,
    };
    match failing {
        Some(retry_ms) if no.fault == Fault::Theirs => limited(node, Refusal::after(retry_ms)),
        // Counted and not told: there may be no end to them.
        Some(_) => {
            node.tally.refused.count(no.problem);
            no.verdict
        }
        None => {
            if no.fault != Fault::Ours {
                node.failed_handshakes.failed(peer, node.clock().moment());
            }
            let No { verdict, problem, code, origin, .. } = no;
            let code = code.map(CloseCode::number);
            node.tell(What::TicketRefused { problem, code, origin, address: peer });
            verdict
        }
    }
}

fn limited(node: &Node, refusal: Refusal) -> Verdict {
    node.tally.refused.count(refusal.code);
    Verdict::Refused(refusal)
}

async fn judge(
    node: &Arc<Node>,
    peer: IpAddr,
    head: &[u8],
    left: impl FnOnce() -> bool,
) -> Result<Verdict, No> {
    let ask = handshake::read(head).map_err(|NoHandshake { code, detail }| No {
        verdict: Verdict::Refused(Refusal::new(code, detail)),
        problem: code,
        code: None,
        origin: None,
        fault: Fault::Theirs,
    })?;
    let by_code = |code| (code, ProblemCode::of_refusal(code));
    let ((code, problem), fault, wait) = match attempt(node, peer, &ask) {
        Ok(_) if left() => return Ok(Verdict::Gone),
        Ok(attempt) => match node.pass(&attempt.proof).await {
            Ok(room) => match node.admit(attempt).await {
                Ok(admitted) => return Ok(Verdict::Admitted(ask, Box::new(admitted), room)),
                Err(NotAdmitted::Refused(code @ CloseCode::TicketUnknown)) => {
                    (by_code(code), Fault::Theirs, None)
                }
                Err(NotAdmitted::Refused(code)) => (by_code(code), Fault::Chance, None),
                Err(NotAdmitted::Failed(Failed::Full)) => {
                    ((CloseCode::Overloaded, ProblemCode::EngineFull), Fault::Ours, None)
                }
                Err(NotAdmitted::Asked(_) | NotAdmitted::Failed(_)) => {
                    (by_code(CloseCode::Overloaded), Fault::Ours, None)
                }
            },
            Err(wait) => (by_code(CloseCode::Overloaded), Fault::Ours, Some(wait)),
        },
        Err(code @ CloseCode::Overloaded) => (by_code(code), Fault::Ours, None),
        Err(code) => (by_code(code), Fault::Theirs, None),
    };
    let foreign = |origin: &Origin| code == CloseCode::Forbidden && !node.config().allows(origin);
    let origin = ask.origin.clone().ok().flatten().filter(foreign);
    let verdict = refused(ask, (code, problem), wait);
    Err(No { verdict, problem, code: Some(code), origin, fault })
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
