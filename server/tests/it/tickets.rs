//! Tickets: each opens one session, whoever tries it and however often.

use std::time::Duration;

use kernel::rate::Rate;
use protocol::{event::What, http::TicketReply};
use serde_json::{Value, json};
use server::config::{Config, Limits, Session as SessionConfig};

use crate::{
    call::Response,
    frame::Frame,
    node::{Node, config, passed, soon, with_node},
    peer::{Peer, Session},
};

/// A refusal as those see it who offered `usher.v1`, and as others do.
struct Refusal {
    close: (u16, &'static str),
    problem: (u16, &'static str),
}

const MISSING: Refusal =
    Refusal { close: (4401, "ticket-missing"), problem: (401, "ticket-missing") };
const MALFORMED: Refusal =
    Refusal { close: (4400, "protocol-error"), problem: (400, "bad-request") };
const UNKNOWN: Refusal =
    Refusal { close: (4204, "ticket-unknown"), problem: (401, "ticket-unknown") };
const EXPIRED: Refusal =
    Refusal { close: (4200, "ticket-expired"), problem: (401, "ticket-expired") };
const SPENT: Refusal = Refusal { close: (4201, "ticket-spent"), problem: (401, "ticket-spent") };

/// An attempt is refused in both ways of speaking, and each time an event tells of it.
async fn check(node: &Node, query: &str, offer: &str, refusal: &Refusal) {
    let refused = |what: &What| match what {
        What::TicketRefused { problem, code, .. } => Some((problem.name(), *code)),
        _ => None,
    };
    let told = (refusal.problem.1, Some(refusal.close.0));
    let mut watch = node.watch();
    let protocols = ["usher.v1", offer].join(if offer.is_empty() { "" } else { ", " });
    let mut peer = node.dial(query, &protocols).await;
    assert_eq!(peer.opened.header("sec-websocket-protocol"), Some("usher.v1"));
    peer.closed_with(refusal.close.0, refusal.close.1).await;
    assert_eq!(watch.until("a refusal", refused).await, told, "{query} {offer}");

    let headers = [("Sec-WebSocket-Protocol", offer)];
    let problem = Peer::dial(node.address, &headers, query).await.unwrap_err();
    let seen = (problem.status, problem.code());
    assert_eq!((seen.0, seen.1.as_str()), refusal.problem, "{query} {offer}");
    assert_eq!(watch.until("a refusal", refused).await, told, "{query} {offer}");
    let page = node.call("GET", &format!("/problems/{}", seen.1), &Value::Null).await;
    assert_eq!(page.status, 200);
}

/// The same ticket by query and as a subprotocol.
async fn check_ticket(node: &Node, ticket: &str, refusal: &Refusal) {
    check(node, &format!("?ticket={ticket}"), "", refusal).await;
    check(node, "", &format!("ticket.{ticket}"), refusal).await;
}

#[test]
fn h11_a_ticket_must_be_given_once_and_be_well_formed() {
    with_node(config(), async |node| {
        check(node, "", "", &MISSING).await;
        check(node, "?", "", &MISSING).await;
        check(node, "?token=x", "", &MISSING).await;
        check(node, "?TICKET=x", "", &MISSING).await;
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        for malformed in [
            "",
            "x",
            &ticket[..ticket.len() - 1],
            &format!("{ticket}0"),
            &ticket.replacen("t_", "T_", 1),
            &ticket.replacen("t_", "s_", 1),
            &format!("t_ZZ{}", &ticket[4..]),
            // More than 128 bits.
            &format!("t_00{}", "z".repeat(22)),
            &"0".repeat(2000),
        ] {
            check(node, &format!("?ticket={malformed}"), "", &MISSING).await;
            if !malformed.is_empty() {
                check(node, "", &format!("ticket.{malformed}"), &MISSING).await;
            }
        }
        // Nothing that we give out needs an escape, so nothing is unescaped.
        let escaped = ticket.replacen('_', "%5F", 1);
        check(node, &format!("?ticket={escaped}"), "", &MISSING).await;

        let query = format!("?ticket={ticket}");
        check(node, &query, &format!("ticket.{ticket}"), &MALFORMED).await;
        check(node, &format!("{query}&ticket={ticket}"), "", &MALFORMED).await;
        check(node, "", &format!("ticket.{ticket}, ticket.{ticket}"), &MALFORMED).await;
        check(node, &format!("{query}&after=x"), "", &MALFORMED).await;
        check(node, &format!("{query}&after=1.1&after=1.1"), "", &MALFORMED).await;
        // None of that spent it.
        Session::welcomed(node.dial(&query, "usher.v1").await).await;
    });
}

#[test]
fn h12_a_ticket_that_is_not_known_or_expired_says_so() {
    let session =
        SessionConfig { ticket_ttl: Duration::from_millis(20), ..SessionConfig::default() };
    with_node(Config { session, ..config() }, async |node| {
        check_ticket(node, &format!("t_00{}", "0".repeat(22)), &UNKNOWN).await;
        check_ticket(node, "t_ff7n42DGM5Tflk9n8mt7Fhc7", &UNKNOWN).await;
        let reply = node.call("POST", "/v1/tickets", &json!({"user": "alice"})).await;
        let reply: TicketReply = serde_json::from_str(&reply.body).unwrap();
        passed(reply.expires_at).await;
        check_ticket(node, &reply.ticket.to_string(), &EXPIRED).await;
    });
}

#[test]
fn h13_a_ticket_opens_one_session() {
    with_node(config(), async |node| {
        for usher in ["usher.v1", ""] {
            let ticket = node.ticket(&json!({"user": "alice"})).await;
            let query = format!("?ticket={ticket}");
            let mut session = Session::welcomed(node.dial(&query, usher).await).await;
            let given = (!usher.is_empty()).then_some(usher);
            assert_eq!(session.opened.header("sec-websocket-protocol"), given);
            check_ticket(node, &ticket, &SPENT).await;
            // Not even when its session is gone.
            let mut watch = node.watch();
            session.send(&json!({"type": "leave"})).await;
            watch.ended(&session.id).await;
            check_ticket(node, &ticket, &SPENT).await;
        }
    });
}

#[test]
fn h14_a_ticket_that_is_tried_by_many_at_once_opens_one_session() {
    const MANY: usize = 50;
    with_node(config(), async |node| {
        let address = node.address;
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let (tell, mut told) = tokio::sync::mpsc::channel(MANY);
        // Threads of their own, so that they really are there at once.
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        for _ in 0..MANY {
            let (offer, tell) = (format!("usher.v1, ticket.{ticket}"), tell.clone());
            threads.spawn(async move {
                let headers = [("Sec-WebSocket-Protocol", offer.as_str())];
                let mut peer = Peer::dial(address, &headers, "").await.unwrap();
                let first = peer.next().await;
                // The socket stays open until all have tried.
                tell.send((first, peer)).await.ok();
            });
        }
        let (mut opened, mut peers) = (0, Vec::new());
        for _ in 0..MANY {
            let (first, peer) = soon("an attempt", told.recv()).await.unwrap();
            match first {
                Some(Frame::Text(welcome)) if welcome.contains("\"welcome\"") => opened += 1,
                Some(Frame::Close(Some((4201, _)))) => {}
                other => panic!("{other:?}"),
            }
            peers.push(peer);
        }
        assert_eq!(opened, 1);
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["live"], &user["parked"]), (&json!(1), &json!(0)));
        drop(peers);
        threads.shutdown_background();
    });
}

#[test]
fn h28_who_fails_too_often_is_told_to_wait() {
    let failed_handshakes = Rate { per_second: 1, burst: 5 };
    let limits = Limits { failed_handshakes, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let limited = |problem: Response| {
            assert_eq!((problem.status, problem.code().as_str()), (429, "rate-limited"));
            assert_eq!(problem.header("retry-after"), Some("1"));
            assert!((1..=1000).contains(&problem.json()["retry_ms"].as_u64().unwrap()));
        };
        let good = node.ticket(&json!({"user": "alice"})).await;
        let good = format!("?ticket={good}");
        // No handshake, refused without the engine, and with it.
        let headers = [("Sec-WebSocket-Version", "8")];
        assert_eq!(Peer::dial(node.address, &headers, "").await.unwrap_err().status, 400);
        node.dial("", "usher.v1").await.closed_with(4401, "ticket-missing").await;
        let two = node.dial("?ticket=x&resume=y", "usher.v1");
        two.await.closed_with(4400, "protocol-error").await;
        let headers = [("Origin", "null")];
        assert_eq!(Peer::dial(node.address, &headers, &good).await.unwrap_err().status, 403);
        let unknown = format!("?ticket=t_00{}", "0".repeat(22));
        assert_eq!(Peer::dial(node.address, &[], &unknown).await.unwrap_err().status, 401);
        // Who fails on is told so over HTTP, whatever is offered.
        let headers = [("Sec-WebSocket-Protocol", "usher.v1")];
        limited(Peer::dial(node.address, &headers, &unknown).await.unwrap_err());
        limited(Peer::dial(node.address, &[], &unknown).await.unwrap_err());
        // Others share the address: the API and a good ticket are not refused for it.
        node.send("alice", &json!({"data": 1})).await;
        Session::welcomed(Peer::dial(node.address, &headers, &good).await.unwrap()).await;
    });
}

#[test]
fn who_succeeds_may_come_as_often_as_it_likes() {
    let failed_handshakes = Rate { per_second: 1, burst: 1 };
    let limits = Limits { failed_handshakes, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let mut sessions = Vec::new();
        for _ in 0..20 {
            sessions.push(node.join("alice").await);
        }
        for session in &mut sessions {
            session.in_step().await;
        }
    });
}
