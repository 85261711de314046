//! What a head asks for, and why it is none.

use expect_test::{Expect, expect};

use super::*;

const TICKET: &str = "t_7f0000000000000000000042";
const TOKEN: &str = "r_7f0000000000000000000042";

/// A good head with this query and these lines.
fn head(query: &str, lines: &[&str]) -> String {
    let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "GET /v1/connect{query} HTTP/1.1\r\nHost: usher\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

fn offer(protocols: &str) -> String {
    head("", &[&format!("Sec-WebSocket-Protocol: {protocols}")])
}

/// A line for what was read.
fn shown(head: &str) -> String {
    match read(head.as_bytes()) {
        Err(NoHandshake { code, detail }) => format!("{}: {detail}", code.name()),
        Ok(Ask { accept: _, speaks_usher, proof, origin }) => {
            let speaks = if speaks_usher { "usher.v1, " } else { "" };
            let proof = match proof {
                Err(code) => code.name().to_owned(),
                Ok(Proof::Ticket(ticket, None)) => ticket.to_string(),
                Ok(Proof::Ticket(ticket, Some(after))) => format!("{ticket} after {after}"),
                Ok(Proof::Resume(token, after)) => format!("{token} after {after}"),
            };
            let origin = match origin {
                Ok(None) => String::new(),
                Ok(Some(origin)) => format!(", from {origin}"),
                Err(code) => format!(", from a page that is {}", code.name()),
            };
            format!("{speaks}{proof}{origin}")
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `expect!` makes it")]
fn check(heads: &[String], expected: Expect) {
    let shown: String = heads.iter().map(|head| shown(head) + "\n").collect();
    expected.assert_eq(&shown);
}

#[test]
fn the_answer_to_the_key_is_that_of_the_rfc() {
    let ask = read(head("", &[]).as_bytes()).unwrap();
    assert_eq!(ask.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let lines = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(switching(&ask.accept, false), format!("{lines}\r\n"));
    let with_protocol = format!("{lines}Sec-WebSocket-Protocol: usher.v1\r\n\r\n");
    assert_eq!(switching(&ask.accept, true), with_protocol);
}

#[test]
fn h11_a_ticket_or_a_token_is_given_by_query_or_as_a_subprotocol() {
    check(
        &[
            head(&format!("?ticket={TICKET}"), &[]),
            head(&format!("?x=1&&ticket={TICKET}&y"), &[]),
            head(&format!("?ticket={TICKET}&after=5.1f"), &[]),
            head(&format!("?resume={TOKEN}&after=5.0"), &[]),
            head(&format!("?after=5.0&resume={TOKEN}"), &[]),
            offer(&format!("usher.v1, ticket.{TICKET}")),
            offer(&format!("ticket.{TICKET},usher.v1")),
            offer(&format!("ticket.{TICKET}")),
            offer(&format!("usher.v1, ticket.{TICKET}, after.5.1f")),
            offer(&format!("usher.v1, resume.{TOKEN}, after.5.1f")),
            offer(&format!("mqtt, usher.v1, x.y, resume.{TOKEN}, after.5.1f")),
            head(
                &format!("?ticket={TICKET}"),
                &["Sec-WebSocket-Protocol: usher.v1", "Sec-WebSocket-Protocol: after.5.1f"],
            ),
        ],
        expect![[r#"
            t_7f0000000000000000000042
            t_7f0000000000000000000042
            t_7f0000000000000000000042 after 5.1f
            r_7f0000000000000000000042 after 5.0
            r_7f0000000000000000000042 after 5.0
            usher.v1, t_7f0000000000000000000042
            usher.v1, t_7f0000000000000000000042
            t_7f0000000000000000000042
            usher.v1, t_7f0000000000000000000042 after 5.1f
            usher.v1, r_7f0000000000000000000042 after 5.1f
            usher.v1, r_7f0000000000000000000042 after 5.1f
            usher.v1, t_7f0000000000000000000042 after 5.1f
        "#]],
    );
}

#[test]
fn h11_a_proof_that_is_missing_malformed_or_there_twice_is_none() {
    check(
        &[
            head("", &[]),
            head("?", &[]),
            head("?ticket", &[]),
            head("?ticket=x", &[]),
            head("?Ticket=x", &[]),
            head(&format!("?ticket={TOKEN}"), &[]),
            head(&format!("?ticket={}", TICKET.replace('_', "%5F")), &[]),
            head(&format!("?ticket={TICKET}&ticket={TICKET}"), &[]),
            head(&format!("?ticket={TICKET}&resume={TOKEN}&after=5.1"), &[]),
            head(&format!("?ticket={TICKET}&after=x"), &[]),
            head(&format!("?resume={TOKEN}"), &[]),
            head(&format!("?resume={TOKEN}&after="), &[]),
            head(&format!("?resume={TOKEN}&after=5.1&after=5.1"), &[]),
            head(&format!("?resume={TICKET}&after=5.1"), &[]),
            head("?after=5.1", &[]),
            offer("usher.v1"),
            offer("usher.v1, ticket."),
            offer("usher.v1, usher.v1"),
            offer(&format!("usher.v1, Ticket.{TICKET}")),
            head(
                &format!("?ticket={TICKET}"),
                &[&format!("Sec-WebSocket-Protocol: usher.v1, ticket.{TICKET}")],
            ),
        ],
        expect![[r#"
            ticket-missing
            ticket-missing
            ticket-missing
            ticket-missing
            ticket-missing
            ticket-missing
            ticket-missing
            protocol-error
            protocol-error
            protocol-error
            protocol-error
            protocol-error
            protocol-error
            ticket-missing
            ticket-missing
            usher.v1, ticket-missing
            usher.v1, ticket-missing
            usher.v1, ticket-missing
            usher.v1, ticket-missing
            usher.v1, protocol-error
        "#]],
    );
}

#[test]
fn h10_an_origin_is_that_of_a_page_or_none() {
    let origin = |text: &str| head(&format!("?ticket={TICKET}"), &[&format!("Origin: {text}")]);
    check(
        &[
            origin("https://app.example.com"),
            origin("  http://localhost:3000  "),
            origin("http://[::1]:8080"),
            origin("chrome-extension://abcdef"),
            origin("null"),
            origin(""),
            origin("*"),
            origin("https://app.example.com/"),
            origin("https://APP.example.com"),
            origin("https://a.example, https://b.example"),
            head("", &["Origin: https://a.example", "Origin: https://a.example"]),
            head("", &["Origin: https://żółw.example"]),
        ],
        expect![[r#"
            t_7f0000000000000000000042, from https://app.example.com
            t_7f0000000000000000000042, from http://localhost:3000
            t_7f0000000000000000000042, from http://[::1]:8080
            t_7f0000000000000000000042, from chrome-extension://abcdef
            t_7f0000000000000000000042, from a page that is forbidden
            t_7f0000000000000000000042, from a page that is forbidden
            t_7f0000000000000000000042, from a page that is forbidden
            t_7f0000000000000000000042, from a page that is forbidden
            t_7f0000000000000000000042, from a page that is forbidden
            t_7f0000000000000000000042, from a page that is forbidden
            bad-request: two Origin headers
            bad-request: a header of the handshake is not ASCII
        "#]],
    );
}

#[test]
fn h22_h23_subprotocols_are_tokens_and_one_of_them_is_known() {
    check(
        &[
            offer(""),
            offer(" , ,"),
            offer("mqtt"),
            offer("usher.v2, mqtt"),
            offer("USHER.V1"),
            offer("mqtt, after.5.1"),
            offer("usher.v1, a b"),
            offer("usher.v1, a=b"),
            offer("usher.v1, \u{80}"),
            offer(&format!("a{}b", " ".repeat(10_000))),
            offer(&",".repeat(10_000)),
        ],
        expect![[r#"
            ticket-missing
            ticket-missing
            subprotocol: offer usher.v1, or no subprotocol
            subprotocol: offer usher.v1, or no subprotocol
            subprotocol: offer usher.v1, or no subprotocol
            ticket-missing
            bad-request: Sec-WebSocket-Protocol is not well-formed
            bad-request: Sec-WebSocket-Protocol is not well-formed
            bad-request: a header of the handshake is not ASCII
            bad-request: Sec-WebSocket-Protocol is not well-formed
            ticket-missing
        "#]],
    );
}

#[test]
fn h24_extensions_are_well_formed() {
    let extensions = |list: &str| head("", &[&format!("Sec-WebSocket-Extensions: {list}")]);
    let good = [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits; server_max_window_bits=99",
        "a;b=\"c\" , d ;e = f",
        "a; b; b; b",
    ];
    let bad =
        ["", ",", "a,", "a;", "a; =", "a; b=", "a; b=\"", "a; b=\"c d\"", "a b", "a; b c", "(a)"];
    for list in good {
        assert_eq!(shown(&extensions(list)), "ticket-missing", "{list}");
    }
    for list in bad {
        let refused = "bad-request: Sec-WebSocket-Extensions is not well-formed";
        assert_eq!(shown(&extensions(list)), refused, "{list}");
    }
}

#[test]
fn h2_h3_h4_h5_h6_h7_what_is_no_handshake_is_told_why() {
    let instead = |what: &str, other: &str| {
        let good = head("", &[]);
        assert!(good.contains(what));
        good.replacen(what, other, 1)
    };
    check(
        &[
            instead("GET", "POST"),
            instead("HTTP/1.1", "HTTP/1.0"),
            instead("HTTP/1.1", "HTTP/2.0"),
            instead("Host: usher\r\n", ""),
            instead("Host: usher", "Host: usher\r\nHost: usher"),
            instead("Upgrade: websocket\r\n", ""),
            instead("Upgrade: websocket", "Upgrade: h2c"),
            instead("Upgrade: websocket", "Upgrade: h2c, WebSocket"),
            instead("Connection: Upgrade", "Connection: keep-alive"),
            instead("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"),
            instead("Version: 13", "Version: 8"),
            instead("Version: 13", "Version: 13, 8"),
            instead("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13"),
            instead("Sec-WebSocket-Version: 13\r\n", ""),
            instead("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: dGhlIHNhbXBsZSBub25jZQ"),
            instead("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: MTIzNDU2Nzg5MDEyMzQ1"),
            instead("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: "),
            instead("Sec-WebSocket-Key", "X-Sec-WebSocket-Key"),
            instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Key"),
            instead("\r\n\r\n", "\r\n"),
        ],
        expect![[r#"
            method-not-allowed: a handshake is a GET
            bad-request: a handshake is HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            bad-request: no Host header
            bad-request: two Host headers
            upgrade-required: this path takes WebSocket handshakes only
            upgrade-required: this path takes WebSocket handshakes only
            ticket-missing
            upgrade-required: this path takes WebSocket handshakes only
            ticket-missing
            upgrade-required: WebSocket version 13 only
            upgrade-required: WebSocket version 13 only
            bad-request: two versions
            upgrade-required: WebSocket version 13 only
            bad-request: Sec-WebSocket-Key is not 16 bytes in base64
            bad-request: Sec-WebSocket-Key is not 16 bytes in base64
            bad-request: Sec-WebSocket-Key is not 16 bytes in base64
            bad-request: no Sec-WebSocket-Key header
            bad-request: two keys
            bad-request: the request head is cut off
        "#]],
    );
}

#[test]
fn h8_h9_h18_h20_headers_are_plain_and_there_is_no_body() {
    let more = |line: &str| head("", &[line]);
    check(
        &[
            more("Content-Length: 0"),
            more("Content-Length: 5"),
            more("Content-Length: 00"),
            more("Transfer-Encoding: chunked"),
            more("Transfer-Encoding: identity"),
            more("X: a\r\n b"),
            more("X: a\0b"),
            more("X: a\rb"),
            more("X : a"),
            more(": a"),
            more("X"),
            more("X: \u{80}\u{ff}"),
            head("", &["X: a"; 64 - 5]),
            head("", &["X: a"; 64 - 4]),
        ],
        expect![[r#"
            ticket-missing
            bad-request: a handshake has no body
            bad-request: a handshake has no body
            bad-request: a handshake has no body
            bad-request: a handshake has no body
            bad-request: the request head is not HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            bad-request: the request head is not HTTP/1.1
            ticket-missing
            ticket-missing
            head-too-large: more than 64 headers
        "#]],
    );
}

#[test]
fn what_follows_an_empty_line_of_a_line_feed_alone_is_no_part_of_a_handshake() {
    let alone = |head: String| head.replace("\r\n", "\n");
    check(
        &[
            head("", &["X: a\nY: b"]),
            alone(head("", &[])),
            alone(head("", &[])) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            head("", &["\nX: a"]),
        ],
        expect![[r#"
            ticket-missing
            ticket-missing
            bad-request: an empty line in the request head
            bad-request: an empty line in the request head
        "#]],
    );
}
