//! Callers: who may call what. The walks go by the server's own table, so that a new route is in them
//! before anybody thinks of it.

use http::Method;
use kernel::rate::Rate;
use serde_json::{Value, json};
use server::{
    config::{Config, Key, Limits, Scope},
    serve::{Route, Who, routes},
};

use crate::{
    call::{Caller, Response},
    node::{KEY, Node, config, soon, with_node},
};

/// A second key, which may only read.
const READ_KEY: &str = "a-key-for-tests-that-only-look-on";

fn with_read_key(config: Config) -> Config {
    let read = Key::new("monitoring", READ_KEY).unwrap().with_scope(Scope::Read);
    Config { keys: [config.keys, vec![read]].concat(), ..config }
}

/// Every wrong key of a walk may be shown.
fn patient() -> Config {
    let failed_keys = Rate { per_second: 1, burst: 10_000 };
    let limits = Limits { failed_keys, ..Limits::default() };
    with_read_key(Config { limits, ..config() })
}

/// The path with something in the place of its names.
pub(crate) fn path_of(route: &Route) -> String {
    route
        .path
        .replace("{user}", "alice")
        .replace("{session}", "s_000000000000000000000000")
        .replace("{node}", "n1")
        .replace("{code}", "overloaded")
}

pub(crate) fn wanting_a_key() -> impl Iterator<Item = (Route, String)> {
    let keyed = |route: &Route| match route.who {
        Who::Reader | Who::Backend | Who::Monitor => true,
        Who::Anybody | Who::Dev | Who::Ticket => false,
    };
    routes().into_iter().filter(keyed).map(|route| {
        let path = path_of(&route);
        assert!(!path.contains('{'), "{path} has a name that the tests do not know");
        (route, path)
    })
}

async fn call(node: &Node, route: &Route, path: &str, headers: &str) -> Response {
    Caller::once(node.address, route.method.as_str(), path, headers).await
}

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

fn is_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
}

#[test]
fn a2_every_route_says_who_may_call_it() {
    // Whoever adds a path that wants no key says so here too.
    const OPEN: [&str; 7] = [
        "/livez",
        "/readyz",
        "/version",
        "/openapi.json",
        "/problems",
        "/problems/{code}",
        "/favicon.ico",
    ];
    for route in routes() {
        let (path, reads) = (route.path, route.method == Method::GET);
        let expected = match path {
            "/v1/connect" => Who::Ticket,
            "/v1/users/query" => Who::Reader,
            "/metrics" => Who::Monitor,
            "/" | "/dev/ticket" => Who::Dev,
            path if OPEN.contains(&path) => Who::Anybody,
            path if path.starts_with("/v1/") && reads => Who::Reader,
            _ => Who::Backend,
        };
        assert_eq!(route.who, expected, "{} {path}", route.method);
    }
    let mut all: Vec<_> = routes().iter().map(|route| format!("{route:?}")).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), routes().len(), "no route is there twice");
}

#[test]
fn a1_nothing_is_done_without_the_key() {
    with_node(patient(), async |node| {
        let mut session = node.join("alice").await;
        for (route, path) in wanting_a_key() {
            for headers in [
                String::new(),
                bearer("wrong"),
                "Authorization: Bearer \r\n".to_owned(),
                "Authorization: Bearer\r\n".to_owned(),
                format!("Authorization: Basic {KEY}\r\n"),
                format!("Authorization: {KEY}\r\n"),
                bearer(&format!("{KEY}x")),
                bearer(&KEY[1..]),
                bearer(&KEY.to_uppercase()),
                bearer("usher_dev_key"),
                format!("X-Authorization: Bearer {KEY}\r\n"),
                format!("Authorization: Bearer wrong\r\n{}", bearer(KEY)),
            ] {
                let response = call(node, &route, &path, &headers).await;
                is_problem(&response, 401, "key-refused");
                let wants = response.header("www-authenticate");
                assert_eq!(wants, Some("Bearer realm=\"usher\""), "{path} {headers}");
            }
            for query in ["key", "token", "access_token", "authorization"] {
                let path = format!("{path}?{query}={KEY}");
                is_problem(&call(node, &route, &path, "").await, 401, "key-refused");
            }
        }
        // None of it was done.
        session.in_step().await;
        assert!(node.running.node().is_ready());
        let key = format!("Authorization: bEARER   {KEY} \r\n");
        let list = Caller::once(node.address, "GET", "/v1/sessions", &key).await;
        assert_eq!(list.status, 200);
    });
}

#[test]
fn a2_a_key_that_may_only_read_changes_nothing() {
    with_node(patient(), async |node| {
        let mut session = node.join("alice").await;
        for (route, path) in wanting_a_key() {
            let response = call(node, &route, &path, &bearer(READ_KEY)).await;
            match route.who {
                Who::Backend => is_problem(&response, 403, "read-only-key"),
                _ => assert!(![401, 403].contains(&response.status), "{path}: {response:?}"),
            }
            if route.method == Method::GET {
                let head =
                    format!("HEAD {path} HTTP/1.1\r\nHost: usher\r\n{}\r\n", bearer("wrong"));
                let mut caller = Caller::open(node.address).await;
                caller.write(head.as_bytes()).await;
                assert_eq!(caller.only_head().await.status, 401, "HEAD {path}");
            }
        }
        // A body does not help, nor do words for another method.
        for headers in ["", "X-HTTP-Method-Override: GET\r\n"] {
            let mut caller = Caller::open(node.address).await;
            let body = r#"{"data":1}"#;
            let request = format!(
                "POST /v1/users/alice/messages HTTP/1.1\r\nHost: usher\r\n{}{headers}\
                 Content-Length: {}\r\n\r\n{body}",
                bearer(READ_KEY),
                body.len()
            );
            caller.write(request.as_bytes()).await;
            is_problem(&caller.response().await, 403, "read-only-key");
        }
        session.in_step().await;
        assert!(node.running.node().is_ready());
        // To be right and not enough is no failure that counts.
        let again = Caller::once(node.address, "GET", "/v1/sessions", &bearer("guess")).await;
        is_problem(&again, 401, "key-refused");
    });
}

#[test]
fn a_full_key_opens_every_route() {
    with_node(patient(), async |node| {
        for (route, path) in wanting_a_key() {
            let response = call(node, &route, &path, &bearer(KEY)).await;
            assert!(![401, 403].contains(&response.status), "{path}: {response:?}");
        }
    });
}

#[test]
fn a1_a_key_is_replaced_by_having_two_for_a_while() {
    let (old, new) = ("the-old-key-0123456789abcdef", "the-new-key-0123456789abcdef");
    let (one, two) = (Key::new("old", old).unwrap(), Key::new("new", new).unwrap());
    let status = async |node: &Node, key: &str| {
        Caller::once(node.address, "GET", "/v1/sessions", &bearer(key)).await.status
    };
    with_node(Config { keys: vec![one, two.clone()], ..config() }, async |node| {
        assert_eq!((status(node, old).await, status(node, new).await), (200, 200));
    });
    with_node(Config { keys: vec![two], ..config() }, async |node| {
        assert_eq!((status(node, old).await, status(node, new).await), (401, 200));
    });
}

#[test]
fn a1_who_guesses_keys_is_told_to_wait() {
    let failed_keys = Rate { per_second: 1, burst: 3 };
    let limits = Limits { failed_keys, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let list =
            async |headers: &str| Caller::once(node.address, "GET", "/v1/sessions", headers).await;
        let guess = bearer("guess");
        for _ in 0..3 {
            is_problem(&list(&guess).await, 401, "key-refused");
        }
        let limited = list(&guess).await;
        is_problem(&limited, 429, "rate-limited");
        assert_eq!(limited.header("retry-after"), Some("1"));
        // Others may share the address: the right key opens, and so does what needs none.
        assert_eq!(node.call("GET", "/v1/sessions", &Value::Null).await.status, 200);
        assert_eq!(Caller::once(node.address, "GET", "/livez", "").await.status, 200);
        node.dial("", "usher.v1").await.closed_with(4401, "ticket-missing").await;
        is_problem(&list("").await, 401, "key-refused");
        // To be told so is no failure: the wait is not prolonged by trying.
        let again = async { while list(&guess).await.status != 401 {} };
        soon("another guess to be heard", again).await;
        let sent = node.send("alice", &json!({"data": 1})).await;
        assert_eq!(sent["matched"], 0);
    });
}
