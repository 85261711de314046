//! Secrets: whatever a node is asked to say about itself, it says none.
//!
//! A node logs all that it can. It is given secrets in every place where they may be, rightly and
//! wrongly; then everything that it wrote, its feed and its metrics are searched for them.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    program::{Program, run, usher},
    session::Session,
};

const KEY: &str = "canary-key-0123456789abcdef";
const WRONG_KEY: &str = "canary-wrong-key-0123456789";
const PAYLOAD: &str = "canary-payload";
const META: &str = "canary-meta";

/// A node that says on standard error whatever there is to say.
struct Loud {
    program: Program,
    address: String,
}

impl Loud {
    fn start(format: &str) -> Self {
        let mut command = usher(&["serve", "--listen", "127.0.0.1:0", "--node", "n1"]);
        command.args(["--log", format]);
        command.env("USHER_LOG", "trace").env("USHER_KEY", KEY).env("USHER_DRAIN__DELAY", "0s");
        let mut program = Program::start(&mut command);
        let listening = program.error_line_with("listening");
        let address = listening.split("127.0.0.1:").nth(1).expect("it has an address");
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        Self { program, address: format!("127.0.0.1:{port}") }
    }

    fn ask(&self, arguments: &[&str], key: &str) -> String {
        let url = format!("http://{}", self.address);
        let ended = run(usher(arguments).env("USHER_URL", url).env("USHER_KEY", key), "");
        ended.out + &ended.err
    }

    /// The answer to a request as it stands, after which the socket closes.
    fn say(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let last = if head.contains("Upgrade: ") { "Upgrade" } else { "close" };
        let head = format!("{head}\r\nHost: usher\r\nConnection: {last}\r\n");
        let head = match body.len() {
            0 => head,
            length => format!("{head}Content-Length: {length}\r\n"),
        };
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        answer
    }
}

#[test]
fn no_secret_is_in_logs_feed_metrics_or_errors() {
    for format in ["text", "json"] {
        check(format);
    }
}

fn check(format: &str) {
    let node = Loud::start(format);
    let bearer = format!("Authorization: Bearer {KEY}");
    let mut secrets: Vec<String> = [KEY, WRONG_KEY, PAYLOAD, META].map(str::to_owned).to_vec();
    let url = format!("http://{}", node.address);
    let mut follower = Program::start(
        usher(&["events", "-o", "json"]).env("USHER_URL", url).env("USHER_KEY", KEY),
    );
    while follower.line_within_a_moment().is_none() {
        node.ask(&["send", "nobody", PAYLOAD], KEY);
    }

    // A ticket in the query, one in the subprotocol, a used one, one that is none.
    let mint = format!("{{\"user\":\"alice\",\"send\":\"any\",\"meta\":{{\"m\":\"{META}\"}}}}");
    let answer = node.say(&format!("POST /v1/tickets HTTP/1.1\r\n{bearer}"), &mint);
    let body = answer.split("\r\n\r\n").nth(1).expect("it has a body");
    let reply: Value = serde_json::from_str(body).expect("it is JSON");
    let ticket = reply["ticket"].as_str().expect("it is a text").to_owned();
    let socket = format!("ws://{}/v1/connect", node.address);
    let (mut session, welcome) = Session::at(&format!("{socket}?ticket={ticket}"), &["usher.v1"]);
    let token = welcome["resume"].as_str().expect("it is a text").to_owned();
    let upgrade = "HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for query in [
        format!("?ticket={ticket}"),
        format!("?ticket={ticket}x"),
        format!("?resume={token}"),
        format!("?resume={token}x&after=1.1"),
        format!("?ticket={ticket}&resume={token}&after=1.1"),
    ] {
        let answer = node.say(&format!("GET /v1/connect{query} {upgrade}"), "");
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        node.say(&format!("GET /v1/users/alice{query} HTTP/1.1\r\n{bearer}"), "");
        node.say(&format!("GET /{ticket}{query} HTTP/1.1"), "");
    }
    secrets.extend([ticket, token]);

    send(&node, &mut session);
    let metrics = node.say(&format!("GET /metrics HTTP/1.1\r\n{bearer}"), "");
    assert!(metrics.contains("usher_sessions{state=\"live\"} 1"), "{metrics}");
    node.ask(&["kick", "alice"], KEY);
    session.frames_until(|frame| frame["type"] == "closed");
    let mut feed = String::new();
    while !feed.contains("user.offline") {
        feed += &follower.line();
    }
    follower.terminate();
    node.program.terminate();
    let (followed, ended) = (follower.end(), node.program.end());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for told in ["session.opened", "session.ended", "user.offline", "ticket.refused", "node.down"] {
        assert!(ended.err.contains(told), "{told} is not in the log: {}", ended.err);
    }
    let all = [&ended.out, &ended.err, &feed, &followed.out, &followed.err, &metrics].map(|s| &**s);
    for secret in &secrets {
        for said in all {
            let line = said.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret} is said");
        }
    }
}

/// Payloads that are right and wrong, with keys that are right and wrong.
fn send(node: &Loud, session: &mut Session) {
    session.send(&json!({"type": "send", "ref": "1", "user": "alice", "data": {"d": PAYLOAD}}));
    session.send(&json!({"type": "send", "ref": PAYLOAD, "user": 7, "data": PAYLOAD}));
    session.send(&json!({"type": PAYLOAD, "ref": "3"}));
    session.frames_until(|frame| frame["ref"] == "3");
    let path = "POST /v1/users/alice/messages";
    for body in [
        format!("{{\"data\":\"{PAYLOAD}\"}}"),
        format!("{{\"data\":\"{PAYLOAD}\",\"to\":\"{PAYLOAD}\"}}"),
        format!("{{\"data\":\"{PAYLOAD}"),
        format!("[\"{PAYLOAD}\"]"),
    ] {
        for header in [
            format!("Authorization: Bearer {KEY}\r\nIdempotency-Key: {PAYLOAD}"),
            format!("Authorization: Bearer {WRONG_KEY}"),
            format!("Authorization: {KEY}"),
        ] {
            node.say(&format!("{path} HTTP/1.1\r\n{header}"), &body);
        }
        node.say(&format!("{path}?key={KEY} HTTP/1.1"), &body);
    }
    node.ask(&["sessions"], WRONG_KEY);
}

#[test]
fn a_log_for_programs_is_an_object_for_each_line_with_fields() {
    let node = Loud::start("json");
    node.ask(&["send", "alice", "hi"], KEY);
    node.say(
        "GET /v1/connect HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "",
    );
    node.program.terminate();
    let ended = node.program.end();
    let lines: Vec<Value> = ended
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    let of = |message: &str| {
        let found = lines.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("{message} is not there: {}", ended.err))
    };
    let accepted = of("message.accepted");
    assert_eq!((&accepted["level"], &accepted["user"]), (&json!("DEBUG"), &json!("alice")));
    assert_eq!((&accepted["node"], &accepted["live"]), (&json!("n1"), &json!(0)));
    let refused = of("ticket.refused");
    assert_eq!(
        (&refused["level"], &refused["problem"]),
        (&json!("INFO"), &json!("ticket-missing"))
    );
    assert_eq!((&refused["code"], &refused["address"]), (&json!(4401), &json!("127.0.0.1")));
    for told in ["listening", "node.up", "node.draining", "node.down", "stopped"] {
        of(told);
    }
}
