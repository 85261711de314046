//! Handshakes that are none, or too much: one clear answer, then the end of the socket.

use serde_json::json;
use server::config::Config;

use crate::{
    call::{Caller, Response},
    frame,
    node::{Node, config, with_node},
    peer::{NONCE, Peer, Session, handshake},
};

/// A good handshake with a ticket that nobody has, line by line.
fn lines() -> Vec<String> {
    let ticket = format!("t_00{}", "0".repeat(22));
    let head = handshake(&format!("?ticket={ticket}"), &[]);
    head.trim_end().split("\r\n").map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> Vec<u8> {
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

/// The good one with this line instead of each that begins with `start`.
fn instead(start: &str, line: &str) -> Vec<u8> {
    let mut lines = lines();
    let place = lines.iter().position(|line| line.starts_with(start)).unwrap();
    line.clone_into(&mut lines[place]);
    joined(&lines)
}

/// The good one without the line that begins with `start`.
fn without(start: &str) -> Vec<u8> {
    joined(&lines().into_iter().filter(|line| !line.starts_with(start)).collect::<Vec<_>>())
}

/// The good one with these lines more.
fn with(more: &[&str]) -> Vec<u8> {
    let mut lines = lines();
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    joined(&lines)
}

async fn answer(node: &Node, head: &[u8]) -> Response {
    let mut caller = Caller::open(node.address).await;
    caller.write(head).await;
    let answer = caller.response().await;
    caller.closed().await;
    answer
}

/// The head gets a problem with this status and code, and the socket ends.
async fn check(node: &Node, head: impl AsRef<[u8]>, status: u16, code: &str) -> Response {
    let head = head.as_ref();
    let answer = answer(node, head).await;
    let shown = String::from_utf8_lossy(&head[..head.len().min(300)]);
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}");
    assert_eq!(answer.header("connection"), Some("close"));
    let allow = (status == 405).then_some("GET");
    assert_eq!(answer.header("allow"), allow, "{shown}");
    let upgrade = (status == 426).then_some(("websocket", "13"));
    let told = answer.header("upgrade").zip(answer.header("sec-websocket-version"));
    assert_eq!(told, upgrade, "{shown}");
    answer
}

#[test]
fn h1_h2_h3_h4_h5_h6_h7_what_is_no_handshake_is_told_why() {
    const UPGRADE: &str = "upgrade-required";
    const BAD: &str = "bad-request";
    with_node(config(), async |node| {
        // The one that all others are made from is a good one but for its ticket.
        check(node, with(&[]), 401, "ticket-unknown").await;
        let plain = "GET /v1/connect HTTP/1.1\r\nHost: usher\r\n\r\n";
        check(node, plain, 426, UPGRADE).await;
        for method in ["POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "GETT"] {
            let line = format!("{method} /v1/connect HTTP/1.1");
            check(node, instead("GET ", &line), 405, "method-not-allowed").await;
        }
        for line in ["GET /v1/connect HTTP/1.0", "GET /v1/connect HTTP/2.0", "GET /v1/connect "] {
            check(node, instead("GET ", line), 400, BAD).await;
        }
        check(node, without("Host"), 400, BAD).await;
        check(node, with(&["Host: usher"]), 400, BAD).await;
        check(node, with(&["host: other"]), 400, BAD).await;
        check(node, instead("Connection", "Connection: keep-alive"), 426, UPGRADE).await;
        check(node, instead("Upgrade", "Upgrade: h2c"), 426, UPGRADE).await;
        check(node, instead("Upgrade", "Upgrade: websocket2"), 426, UPGRADE).await;
        check(node, without("Upgrade"), 426, UPGRADE).await;
        for version in ["8", "14", "013", "13, 8", ""] {
            let line = format!("Sec-WebSocket-Version: {version}");
            check(node, instead("Sec-WebSocket-Version", &line), 426, UPGRADE).await;
        }
        check(node, without("Sec-WebSocket-Version"), 426, UPGRADE).await;
        check(node, without("Sec-WebSocket-Key"), 400, BAD).await;
        let nonce = NONCE.trim_end_matches('=');
        for key in ["", nonce, "MTIzNDU2Nzg5MDEyMzQ1", "MTIzNDU2Nzg5MDEyMzQ1Njc=", "!!!!"] {
            let line = format!("Sec-WebSocket-Key: {key}");
            check(node, instead("Sec-WebSocket-Key", &line), 400, BAD).await;
        }
        check(node, with(&[&format!("Sec-WebSocket-Key: {NONCE}")]), 400, BAD).await;
    });
}

#[test]
fn h8_h9_h20_h22_h23_h24_what_could_be_meant_in_two_ways_is_refused() {
    const BAD: &str = "bad-request";
    with_node(config(), async |node| {
        for more in [
            "Content-Length: 5",
            "Content-Length: 00",
            "Transfer-Encoding: chunked",
            "X: a\r\n folded",
            "X: a\0b",
            "X: a\rb",
            "X : space before the colon",
            " X: space before the name",
            "\nX: behind an empty line",
            "no colon",
            "Sec-WebSocket-Protocol: usher.v1, \u{80}\u{ff}",
            "Sec-WebSocket-Protocol: usher.v1, a b",
            "Sec-WebSocket-Protocol: usher.v1, a\"b",
            "Sec-WebSocket-Extensions: permessage-deflate; =",
            "Sec-WebSocket-Extensions: ;;;",
            "Sec-WebSocket-Extensions: a, , b",
            "Sec-WebSocket-Extensions: a; b=\"",
        ] {
            check(node, with(&[more]), 400, BAD).await;
        }
        for more in [
            ["Content-Length: 5", "Transfer-Encoding: chunked"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Origin: https://a.example", "Origin: https://a.example"],
        ] {
            check(node, with(&more), 400, BAD).await;
        }
        let spaces = format!("Sec-WebSocket-Protocol: a{}b", " ".repeat(15_000));
        check(node, with(&[&spaces]), 400, BAD).await;
        for protocols in ["graphql-ws", "usher.v2, mqtt", "USHER.V1"] {
            let more = format!("Sec-WebSocket-Protocol: {protocols}");
            check(node, with(&[&more]), 400, "subprotocol").await;
        }
        // The bytes of a body that was refused are never taken for a request.
        let smuggled = "Content-Length: 24\r\n\r\nGET /livez HTTP/1.1\r\nX: y";
        check(node, with(&[smuggled]), 400, BAD).await;
    });
}

#[test]
fn h24_extensions_that_are_well_formed_are_declined() {
    with_node(config(), async |node| {
        for extensions in [
            "permessage-deflate; server_max_window_bits=99",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "x-webkit-deflate-frame, permessage-deflate;server_no_context_takeover",
            "a; b=\"c\"",
        ] {
            let ticket = node.ticket(&json!({"user": "alice"})).await;
            let headers = [("Sec-WebSocket-Extensions", extensions)];
            let peer = Peer::dial(node.address, &headers, &format!("?ticket={ticket}")).await;
            let mut session = Session::welcomed(peer.unwrap()).await;
            assert_eq!(session.opened.header("sec-websocket-protocol"), None);
            session.in_step().await;
        }
    });
}

#[test]
fn a_handshake_may_be_written_in_every_way_that_http_allows() {
    async fn check(node: &Node, what: &str, other: &str) {
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let head = handshake(&format!("?ticket={ticket}"), &[]);
        assert!(head.contains(what));
        let head = head.replace(what, other);
        let peer = Peer::over(Caller::open(node.address).await, &head, &[]).await;
        let mut session = Session::welcomed(peer.unwrap()).await;
        session.in_step().await;
    }

    with_node(config(), async |node| {
        check(node, "Sec-WebSocket-Key: ", "sec-websocket-key:\t ").await;
        check(node, "Connection: Upgrade", "CONNECTION: keep-alive, UPGRADE").await;
        check(node, "Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: WebSocket").await;
        check(node, "Host: usher", "Host:usher \r\nContent-Length: 0").await;
        check(node, "\r\n\r\n", &("\r\nX: y".repeat(64 - 5) + "\r\n\r\n")).await;
        let protocols = "\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: usher.v1";
        check(node, "\r\n\r\n", &format!("{protocols}\r\n\r\n")).await;
        check(node, "?ticket=", "?v=1&&x&ticket=").await;
    });
}

#[test]
fn h10_a_foreign_origin_is_refused() {
    let origin = |text| protocol::grant::Origin::parse(text).unwrap();
    let allowed_origins = vec![origin("https://good.com"), origin("http://localhost:3000")];
    with_node(Config { allowed_origins, ..config() }, async |node| {
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let query = format!("?ticket={ticket}");
        for origin in [
            "null",
            "https://good.com.evil.com",
            "https://evil.com",
            "http://good.com",
            "https://good.com:8443",
            "https://good.com/",
            "https://GOOD.com",
            "http://localhost",
            "*",
            "file://",
        ] {
            let headers = [("Origin", origin)];
            let problem = Peer::dial(node.address, &headers, &query).await.unwrap_err();
            assert_eq!((problem.status, problem.code().as_str()), (403, "forbidden"), "{origin}");
            let headers = [("Origin", origin), ("Sec-WebSocket-Protocol", "usher.v1")];
            let mut peer = Peer::dial(node.address, &headers, &query).await.unwrap();
            peer.closed_with(4403, "forbidden").await;
        }
        // None of that spent the ticket.
        let headers = [("Origin", "http://localhost:3000")];
        Session::welcomed(Peer::dial(node.address, &headers, &query).await.unwrap()).await;
        // Who is no browser has no origin.
        node.join("alice").await;
    });
}

#[test]
fn h18_h19_a_head_beyond_the_bounds_is_refused() {
    with_node(config(), async |node| {
        let many = |count: usize| vec!["X: y"; count];
        check(node, with(&[&format!("X: {}", "y".repeat(17_000))]), 431, "head-too-large").await;
        check(node, with(&many(65 - 5)), 431, "head-too-large").await;
        check(node, with(&many(2000)), 431, "head-too-large").await;
        let endless = format!("GET /v1/connect HTTP/1.1\r\nX: {}", "y".repeat(64 * 1024));
        check(node, endless, 431, "head-too-large").await;

        let long = "x".repeat(5000);
        for path in ["/v1/connect?", "/v1/users/", "/", "*"] {
            let head = format!("GET {path}{long} HTTP/1.1\r\nHost: usher\r\n\r\n");
            check(node, head, 414, "uri-too-long").await;
            let head = format!("GET {path}{long}");
            check(node, head, 414, "uri-too-long").await;
        }

        // Heads for the API are read by another hand, which says less.
        for more in [many(65), vec![&*"X: y".repeat(5000)], many(2000)] {
            let more = more.join("\r\n");
            let head = format!("GET /livez HTTP/1.1\r\nHost: usher\r\n{more}\r\n\r\n");
            assert_eq!(answer(node, head.as_bytes()).await.status, 431);
        }
        for line in ["X: a\r\n folded", "X: a\0b", "X: a\rb", "X : y", "no colon"] {
            let head = format!("GET /livez HTTP/1.1\r\nHost: usher\r\n{line}\r\n\r\n");
            assert_eq!(answer(node, head.as_bytes()).await.status, 400, "{line:?}");
        }
    });
}

#[test]
fn h19_the_path_is_compared_as_it_is_written() {
    with_node(config(), async |node| {
        let ticket = format!("t_00{}", "0".repeat(22));
        let absolute = format!("GET http://usher/v1/connect?ticket={ticket} HTTP/1.1");
        check(node, instead("GET ", &absolute), 401, "ticket-unknown").await;
        for path in [
            "/v1/%63onnect",
            "/v1/connect/",
            "//v1/connect",
            "/v1/x/../connect",
            "/v1/connect%00",
            "/V1/connect",
        ] {
            let lines = instead("GET ", &format!("GET {path} HTTP/1.1"));
            let mut caller = Caller::open(node.address).await;
            caller.write(&lines).await;
            let answer = caller.response().await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{path}");
        }
    });
}

#[test]
fn h25_what_comes_behind_a_refused_handshake_is_never_answered() {
    with_node(config(), async |node| {
        let behind = b"GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n";
        check(node, [&with(&[])[..], behind].concat(), 401, "ticket-unknown").await;
        let plain = b"GET /v1/connect HTTP/1.1\r\nHost: usher\r\n\r\n";
        check(node, [&plain[..], behind].concat(), 426, "upgrade-required").await;
    });
}

#[test]
fn h26_frames_in_the_packet_of_the_handshake_are_dealt_with_after_the_welcome() {
    with_node(config(), async |node| {
        let mut bob = node.join("bob").await;
        let ticket = node.ticket(&json!({"user": "alice", "send": "any"})).await;
        let head = handshake(&format!("?ticket={ticket}"), &[]);
        let mut early = Vec::new();
        for number in 0..50 {
            let send = json!({"type": "send", "ref": "c", "user": "bob", "data": number});
            early.extend(frame::json(&send));
        }
        let half = frame::json(&json!({"type": "ping"}));
        early.extend(&half[..9]);
        let peer = Peer::over(Caller::open(node.address).await, &head, &early).await;
        let mut session = Session::welcomed(peer.unwrap()).await;
        for number in 0..50 {
            assert!(session.typed("reply").await.get("id").is_some());
            assert_eq!(bob.message().await["data"], number);
        }
        session.write(&half[9..]).await;
        session.typed("pong").await;
    });
}

#[test]
fn h27_other_protocols_are_told_off() {
    with_node(config(), async |node| {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        check(node, hello, 400, "bad-request").await;
        check(node, b"\0\0\0\0\r\n\r\n", 400, "bad-request").await;
        check(node, b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400, "bad-request").await;
        // HTTP/2 without being asked: the socket just ends.
        let mut caller = Caller::open(node.address).await;
        caller.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        caller.closed().await;
    });
}
