//! Requests as bytes: bodies that are none, too large or without end, and sockets that stay open.

use serde_json::{Value, json};

use crate::{
    call::{Caller, Response},
    frame,
    node::{KEY, Node, config, with_node},
    peer::{Peer, Session, handshake},
};

const SEND: &str = "/v1/users/alice/messages";

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer {KEY}\r\n{headers}\r\n")
}

fn is_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
}

#[test]
fn a3_a_body_is_json_whatever_it_is_called() {
    async fn send(node: &Node, headers: &[(&str, &str)], body: &str) -> Response {
        node.caller().await.call_with("POST", SEND, headers, body.as_bytes()).await
    }

    with_node(config(), async |node| {
        let good = r#"{"data":1}"#;
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/x-www-form-urlencoded",
            "application/vnd.api+json",
        ] {
            let response = send(node, &[("Content-Type", kind)], good).await;
            assert_eq!(response.status, 200, "{kind}: {response:?}");
        }
        assert_eq!(send(node, &[], good).await.status, 200);
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml", "json", ""]
        {
            let response = send(node, &[("Content-Type", kind)], good).await;
            is_problem(&response, 415, "unsupported-media-type");
        }
        for coding in ["gzip", "identity", "br"] {
            let response = send(node, &[("Content-Encoding", coding)], good).await;
            is_problem(&response, 415, "unsupported-media-type");
        }
        for body in
            ["x", "[]", "null", "1", "{", "{\"data\":1}x", "\u{feff}{}", "data=1", "{'data':1}"]
        {
            is_problem(&send(node, &[], body).await, 400, "bad-json");
        }
        let deep = "[".repeat(100_000);
        is_problem(&send(node, &[], &format!("{{\"data\":{deep}")).await, 400, "bad-json");
        let mut caller = node.caller().await;
        let response = caller.call_with("POST", SEND, &[], b"{\"data\":\"\xFF\"}").await;
        is_problem(&response, 400, "bad-json");
        is_problem(&caller.call_with("POST", SEND, &[], b"").await, 400, "bad-field");
    });
}

#[test]
fn a4_a_body_that_is_too_large_is_refused_before_it_is_read() {
    with_node(config(), async |node| {
        // Told in the head: refused at once, whether or not it comes.
        for (length, expect) in [(1 << 20 | 1, ""), (1 << 30, "Expect: 100-continue\r\n")] {
            let mut caller = node.caller().await;
            let head = head(SEND, &format!("Content-Length: {length}\r\n{expect}"));
            caller.write(head.as_bytes()).await;
            is_problem(&caller.response().await, 413, "body-too-large");
        }
        // Whoever sends all of it before listening hears it too.
        for _ in 0..5 {
            let mut caller = node.caller().await;
            let head = head(SEND, &format!("Content-Length: {}\r\n", (1 << 20) + 1));
            caller.write(head.as_bytes()).await;
            caller.write(&vec![b' '; (1 << 20) + 1]).await;
            is_problem(&caller.response().await, 413, "body-too-large");
        }
        // Not told: refused when it is.
        let mut caller = node.caller().await;
        caller.write(head(SEND, "Transfer-Encoding: chunked\r\n").as_bytes()).await;
        let chunk = [&b"10000\r\n"[..], &[b' '; 0x10000], b"\r\n"].concat();
        for _ in 0..17 {
            caller.write(&chunk).await;
        }
        is_problem(&caller.response().await, 413, "body-too-large");
        // The most that is taken is taken.
        let mut body = json!({"data": "x"}).to_string();
        body.push_str(&" ".repeat((1 << 20) - body.len()));
        let mut caller = node.caller().await;
        assert_eq!(caller.call_with("POST", SEND, &[], body.as_bytes()).await.status, 200);
        // Who waits to be asked for it, is.
        let mut caller = node.caller().await;
        let head = head(SEND, "Content-Length: 10\r\nExpect: 100-continue\r\n");
        caller.write(head.as_bytes()).await;
        assert_eq!(caller.response().await.status, 100);
        caller.write(b"{\"data\":1}").await;
        assert_eq!(caller.response().await.status, 200);
    });
}

#[test]
fn a5_h9_a_body_whose_length_makes_no_sense_is_refused() {
    with_node(config(), async |node| {
        for (headers, body) in [
            ("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nx"),
            ("Transfer-Encoding: chunked\r\n", "x\r\n"),
            ("Transfer-Encoding: chunked\r\n", "-1\r\n"),
            ("Transfer-Encoding: gzip\r\n", ""),
            ("Transfer-Encoding: chunked, gzip\r\n", ""),
            ("Content-Length: -1\r\n", ""),
            ("Content-Length: +2\r\n", "{}"),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", "{}"),
            ("Content-Length: 5, 6\r\n", "{}"),
        ] {
            let mut caller = node.caller().await;
            let behind = "GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n";
            caller.write((head(SEND, headers) + body + behind).as_bytes()).await;
            let response = caller.response().await;
            assert_eq!(response.status, 400, "{headers} {body}: {response:?}");
            caller.closed().await;
        }
        // Two lengths of two kinds: the chunks count (RFC 9112, section 6.3), and nothing that
        // stands behind them is taken for a request.
        let chunks = "a\r\n{\"data\":1}\r\n0\r\n\r\n";
        for headers in [
            "Content-Length: 20\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 20\r\n",
        ] {
            let mut caller = node.caller().await;
            let behind = "GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n";
            caller.write((head(SEND, headers) + chunks + behind).as_bytes()).await;
            assert_eq!(caller.response().await.status, 200);
            caller.closed().await;
        }
    });
}

#[test]
fn h21_a5_who_does_not_finish_is_cut_off() {
    with_node(config(), async |node| {
        let silent = async {
            let mut caller = Caller::open(node.address).await;
            caller.closed().await;
        };
        let cut_off = async |said: &str| {
            let mut caller = Caller::open(node.address).await;
            caller.write(said.as_bytes()).await;
            is_problem(&caller.response().await, 408, "request-timeout");
            caller.closed().await;
        };
        let trickles = async {
            let mut caller = Caller::open(node.address).await;
            for byte in handshake("", &[]).as_bytes() {
                if !matches!(caller.trickle(*byte).await, Ok(())) {
                    break;
                }
            }
            is_problem(&caller.response().await, 408, "request-timeout");
            caller.closed().await;
        };
        let body = async |headers: &str, body: &str| {
            let mut caller = Caller::open(node.address).await;
            caller.write((head(SEND, headers) + body).as_bytes()).await;
            is_problem(&caller.response().await, 408, "request-timeout");
            caller.closed().await;
        };
        let handshake = handshake("", &[]);
        tokio::join!(
            silent,
            trickles,
            cut_off("GET /livez HTTP/1.1\r\nX: "),
            cut_off("G"),
            cut_off("GET /v1/connect HTTP/1.1\r\nX: "),
            cut_off(handshake.trim_end()),
            body("Content-Length: 10\r\n", "{"),
            body("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n"),
            body("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n{"),
        );
    });
}

#[test]
fn a_socket_carries_several_calls() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        let mut caller = node.caller().await;
        for number in 0..20 {
            caller.ask("POST", SEND, &json!({"data": number})).await;
            let problem = caller.call("POST", SEND, &json!({})).await;
            is_problem(&problem, 400, "bad-field");
            assert_eq!(caller.call("GET", "/livez", &Value::Null).await.body, "live\n");
        }
        // Several in one packet, and one that is cut anywhere.
        let one = head(SEND, "Content-Length: 11\r\n") + r#"{"data":20}"#;
        caller.write(one.repeat(3).as_bytes()).await;
        for _ in 0..3 {
            assert_eq!(caller.response().await.status, 200);
        }
        for at in 0..one.len() {
            let (begin, end) = one.as_bytes().split_at(at);
            caller.write(begin).await;
            tokio::task::yield_now().await;
            caller.write(end).await;
            assert_eq!(caller.response().await.status, 200);
        }
        let mut fresh = Caller::open(node.address).await;
        for byte in one.as_bytes() {
            fresh.write(&[*byte]).await;
        }
        assert_eq!(fresh.response().await.status, 200);
        let last = "GET /livez HTTP/1.1\r\nHost: usher\r\nConnection: close\r\n\r\n";
        fresh.write(last.as_bytes()).await;
        assert_eq!(fresh.response().await.status, 200);
        fresh.closed().await;
        for number in 0..20 {
            assert_eq!(session.message().await["data"], number);
        }
    });
}

#[test]
fn a_handshake_may_come_on_a_socket_that_carried_calls() {
    async fn used(node: &Node) -> Caller {
        let mut caller = node.caller().await;
        assert_eq!(caller.call("GET", "/livez", &Value::Null).await.status, 200);
        caller.ask("POST", SEND, &json!({"data": 1})).await;
        caller
    }

    with_node(config(), async |node| {
        // Admitted, with frames in the packet of the handshake.
        let mut early = frame::json(&json!({"type": "ping"}));
        early.extend(&frame::json(&json!({"type": "ping"}))[..9]);
        let rest = &frame::json(&json!({"type": "ping"}))[9..];
        for protocols in ["usher.v1", ""] {
            let ticket = node.ticket(&json!({"user": "alice"})).await;
            let headers = [("Sec-WebSocket-Protocol", protocols)];
            let head = handshake(&format!("?ticket={ticket}"), &headers);
            let peer = Peer::over(used(node).await, &head, &early).await.unwrap();
            let mut session = Session::welcomed(peer).await;
            let given = (!protocols.is_empty()).then_some(protocols);
            assert_eq!(session.opened.header("sec-websocket-protocol"), given);
            session.typed("pong").await;
            session.write(rest).await;
            session.typed("pong").await;
            let path = format!("/v1/sessions/{}", session.id);
            let shown = node.ask("GET", &path, &Value::Null).await;
            assert_eq!(shown["address"], "127.0.0.1");
            session.send(&json!({"type": "leave"})).await;
            session.closed_with(1000, "").await;
        }
        // In the packet of a call.
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let call = head(SEND, "Content-Length: 10\r\n") + r#"{"data":1}"#;
        let mut caller = node.caller().await;
        let open = handshake(&format!("?ticket={ticket}"), &[]);
        caller.write([call.as_bytes(), open.as_bytes(), &early].concat().as_slice()).await;
        assert_eq!(caller.response().await.status, 200);
        let mut session = Session::welcomed(Peer::over(caller, "", &[]).await.unwrap()).await;
        session.typed("pong").await;

        // Refused, in both ways of speaking; what stands behind it is not answered.
        let behind = b"GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n";
        let usher = [("Sec-WebSocket-Protocol", "usher.v1")];
        let spent = handshake(&format!("?ticket={ticket}"), &usher);
        let mut peer = Peer::over(used(node).await, &spent, b"").await.unwrap();
        peer.closed_with(4201, "ticket-spent").await;
        for (head, status, code) in [
            (handshake(&format!("?ticket={ticket}"), &[]), 401, "ticket-spent"),
            (handshake("", &[]), 401, "ticket-missing"),
            (handshake("", &[("Content-Length", "36")]), 400, "bad-request"),
            (handshake("", &[("Transfer-Encoding", "chunked")]), 400, "bad-request"),
            (handshake("", &[("Sec-WebSocket-Version", "8")]), 400, "bad-request"),
            (handshake("", &[]).replace("websocket", "h2c"), 426, "upgrade-required"),
            (handshake("", &[]).replace("GET", "POST"), 405, "method-not-allowed"),
            (handshake("", &[]).replace("Host", "X"), 400, "bad-request"),
        ] {
            let problem = Peer::over(used(node).await, &head, behind).await.unwrap_err();
            is_problem(&problem, status, code);
            assert_eq!(problem.header("connection"), Some("close"), "{problem:?}");
            let allow = (status == 405).then_some("GET");
            assert_eq!(problem.header("allow"), allow);
            let upgrade = (status == 426).then_some("websocket");
            assert_eq!(problem.header("upgrade"), upgrade);
        }
    });
}

#[test]
fn a_name_that_was_made_to_lead_here_opens_nothing_in_dev() {
    let dev = server::config::Config::dev(Vec::new());
    with_node(dev, async |node| {
        let asked = async |host: &str| {
            let mut caller = Caller::open(node.address).await;
            let key = server::config::DEV_KEY;
            let request = format!(
                "GET /v1/sessions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n"
            );
            caller.write(request.as_bytes()).await;
            caller.response().await
        };
        is_problem(&asked("evil.example:7328").await, 403, "forbidden");
        assert_eq!(asked("127.0.0.1:7328").await.status, 200);
        assert_eq!(asked("localhost:7328").await.status, 200);
    });
}
