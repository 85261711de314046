//! The API: what calls answer, and to whom.

use serde_json::{Value, json};

use crate::{
    call::Response,
    callers::wanting_a_key,
    node::{Node, config, passed, text, with_node},
    peer::Session,
};

fn is_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
}

#[test]
fn a6_a7_names_are_taken_as_they_are() {
    const ESCAPED: [(&str, &str); 10] = [
        ("a%2Fb", "a/b"),
        ("a}{b", "a}{b"),
        ("%F0%9F%98%80", "😀"),
        ("..%2Fx", "../x"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("a:b@c", "a:b@c"),
        ("__proto__", "__proto__"),
        ("%3Cscript%3E", "<script>"),
    ];
    with_node(config(), async |node| {
        let mut sessions = Vec::new();
        for (_, user) in ESCAPED {
            sessions.push(node.join(user).await);
        }
        for (escaped, user) in ESCAPED {
            let shown = node.ask("GET", &format!("/v1/users/{escaped}"), &Value::Null).await;
            let expected =
                json!({"user": user, "online": true, "blocked": false, "live": 1, "parked": 0});
            assert_eq!(shown, expected);
            let sent = node.send(escaped, &json!({"data": user})).await;
            assert_eq!(sent["matched"], 1, "{user}");
        }
        for (session, (_, user)) in sessions.iter_mut().zip(ESCAPED) {
            assert_eq!(session.message().await["data"], user);
            session.in_step().await;
        }
        // Two names whose parts differ only by where they are split.
        for (user, device) in [("a_b", "c"), ("a", "b_c"), ("a:b", "c"), ("a", "b:c")] {
            let session = node.join_with(&json!({"user": user, "device": device})).await;
            sessions.push(session);
        }
        let to = json!({"data": 1, "to": "device:b:c"});
        assert_eq!(node.send("a", &to).await["matched"], 1);
        assert_eq!(node.send("a:b", &to).await["matched"], 0);
        assert_eq!(node.send("a", &json!({"data": 1})).await["matched"], 2);

        let long = "x".repeat(129);
        for escaped in ["%00", "%2e", "%2E%2e", "a%0Ab", "%7F", "%C2%80", "%FF", &long, "a%2"] {
            let path = format!("/v1/users/{escaped}");
            let response = node.call("GET", &path, &Value::Null).await;
            if escaped == "a%2" {
                // No escape, so it stands for itself.
                assert_eq!(response.json()["user"], "a%2");
                continue;
            }
            is_problem(&response, 400, "bad-parameter");
        }
        let response = node.call("POST", "/v1/users//messages", &json!({"data": 1})).await;
        is_problem(&response, 400, "bad-parameter");
        for user in ["", ".", "..", "a\nb", "\0", &long] {
            let response = node.call("POST", "/v1/tickets", &json!({"user": user})).await;
            is_problem(&response, 400, "bad-field");
            assert_eq!(response.json()["errors"][0]["field"], "user");
        }
        let most = "ż".repeat(64);
        node.join(&most).await;
    });
}

#[test]
fn a9_a_field_with_a_wrong_value_is_named() {
    async fn check(node: &Node, path: &str, body: &str, code: &str, field: &str) {
        let mut caller = node.caller().await;
        let response = caller.call_with("POST", path, &[], body.as_bytes()).await;
        is_problem(&response, 400, code);
        let errors = &response.json()["errors"];
        assert_eq!(errors[0]["field"], field, "{body}: {errors}");
        assert!(!text(&errors[0]["detail"]).is_empty());
    }

    with_node(config(), async |node| {
        let ticket = "/v1/tickets";
        let send = "/v1/users/alice/messages";
        for ttl in ["-1", "0", "601", "1000000000000", "\"30\"", "1.5", "true", "[]", "-0.0"] {
            let body = format!(r#"{{"user":"alice","ttl":{ttl}}}"#);
            check(node, ticket, &body, "bad-field", "ttl").await;
        }
        for ttl in ["-1", "0", "1000000000000", "\"30\"", "1.5", "18446744073709551616"] {
            let body = format!(r#"{{"data":1,"ttl":{ttl}}}"#);
            check(node, send, &body, "bad-field", "ttl").await;
        }
        for (body, field) in [
            (r#"{"user":"alice","policy":"many"}"#, "policy"),
            (r#"{"user":"alice","policy":{"max":0}}"#, "policy"),
            (r#"{"user":"alice","policy":{"max":129}}"#, "policy"),
            (r#"{"user":"alice","policy":{}}"#, "policy.max"),
            (r#"{"user":"alice","send":"all"}"#, "send"),
            (r#"{"user":"alice","send":[""]}"#, "send[0]"),
            (r#"{"user":"alice","origin":"*"}"#, "origin"),
            (r#"{"user":"alice","meta":{"a":1}}"#, "meta.a"),
            (r#"{"user":"alice","user":"bob"}"#, "user"),
            ("{}", "user"),
            ("", "user"),
        ] {
            check(node, ticket, body, "bad-field", field).await;
        }
        let meta = json!({"user": "alice", "meta": {"a": "x".repeat(1024)}}).to_string();
        check(node, ticket, &meta, "bad-field", "meta").await;
        check(node, ticket, r#"{"user":"a","devise":"b"}"#, "unknown-field", "devise").await;
        check(node, send, r#"{"data":1,"to":"everyone"}"#, "bad-field", "to").await;
        check(node, send, r#"{"data":1,"except":"x"}"#, "bad-field", "except").await;
        check(node, send, r#"{"data":1,"dat":2}"#, "unknown-field", "dat").await;
        check(node, send, r#"{"data":1,"data":2}"#, "bad-field", "data").await;
        check(node, send, "{}", "bad-field", "data").await;
        let deep = format!(r#"{{"data":{}1{}}}"#, "[".repeat(33), "]".repeat(33));
        check(node, send, &deep, "bad-field", "data").await;
    });
}

#[test]
fn a13_who_is_kicked_twice_was_kicked_once() {
    with_node(config(), async |node| {
        for path in ["/v1/sessions/x", "/v1/sessions/s_", "/v1/sessions/%FF"] {
            for method in ["GET", "DELETE"] {
                is_problem(&node.call(method, path, &Value::Null).await, 404, "session-unknown");
            }
            let path = format!("{path}/messages");
            is_problem(
                &node.call("POST", &path, &json!({"data": 1})).await,
                404,
                "session-unknown",
            );
        }
        let session = node.join("alice").await;
        let path = format!("/v1/sessions/{}", session.id);
        for closed in [1, 0, 0] {
            let reply = node.ask("DELETE", &path, &Value::Null).await;
            assert_eq!(reply, json!({"closed": closed}));
            is_problem(&node.call("GET", &path, &Value::Null).await, 404, "session-unknown");
        }
        let path = format!("{path}/messages");
        is_problem(&node.call("POST", &path, &json!({"data": 1})).await, 404, "session-unknown");
        let path = "/v1/users/alice/sessions";
        assert_eq!(node.ask("DELETE", path, &Value::Null).await, json!({"closed": 0}));
        let wrong = format!("{path}?except=x");
        is_problem(&node.call("DELETE", &wrong, &Value::Null).await, 400, "bad-parameter");
        let wrong = format!("{path}?excpt={}", session.id);
        is_problem(&node.call("DELETE", &wrong, &Value::Null).await, 400, "bad-parameter");
    });
}

#[test]
fn a14_lists_are_told_in_pages() {
    async fn ids(node: &Node, query: &str) -> (Vec<String>, Option<String>) {
        let list = node.ask("GET", &format!("/v1/sessions{query}"), &Value::Null).await;
        let ids = list["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
        (ids, list["next_cursor"].as_str().map(str::to_owned))
    }

    with_node(config(), async |node| {
        let mut sessions = Vec::new();
        for number in 0..25 {
            sessions.push(node.join(&format!("user {}", number % 3)).await);
        }
        let mut all: Vec<String> = sessions.iter().map(|session| session.id.clone()).collect();
        all.sort();
        let mut told = ids(node, "").await;
        told.0.sort();
        assert_eq!(told, (all.clone(), None));
        for limit in [1, 7, 24, 25, 1000] {
            for (whose, count) in [
                ("", 25),
                ("&user=user%200", 9),
                ("&user=nobody", 0),
                ("&node=n1", 25),
                ("&node=n2", 0),
                ("&user=user%200&node=n1", 9),
                ("&user=user%200&node=n2", 0),
            ] {
                let (mut seen, mut cursor) = (Vec::new(), String::new());
                loop {
                    let (page, next) = ids(node, &format!("?limit={limit}{whose}{cursor}")).await;
                    assert!(page.len() <= limit);
                    seen.extend(page);
                    let Some(next) = next else { break };
                    cursor = format!("&cursor={next}");
                }
                seen.sort();
                seen.dedup();
                assert_eq!(seen.len(), count, "{limit} {whose}");
            }
        }
        for query in [
            "limit=0",
            "limit=1001",
            "limit=1000000000",
            "limit=-1",
            "limit=x",
            "limit=99999999999999999999",
            "cursor=x",
            "cursor=",
            "cursor=s_",
            "user=",
            "user=..",
            "usr=alice",
            "limit=1&limit=2",
        ] {
            let response = node.call("GET", &format!("/v1/sessions?{query}"), &Value::Null).await;
            is_problem(&response, 400, "bad-parameter");
        }
    });
}

#[test]
fn a14_a_parameter_that_a_call_does_not_have_is_refused() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        for (route, path) in wanting_a_key() {
            let path = format!("{path}?vlatile=true");
            let response = node.call(route.method.as_str(), &path, &json!({"data": 1})).await;
            is_problem(&response, 400, "bad-parameter");
        }
        // None of it was done.
        session.in_step().await;
        for path in ["/v1/users/alice?", "/livez?now", "/readyz?probe=1", "/version?"] {
            assert_eq!(node.call("GET", path, &Value::Null).await.status, 200, "{path}");
        }
    });
}

#[test]
fn a15_other_methods_and_paths() {
    with_node(config(), async |node| {
        let unknown = "/v1/sessions/s_000000000000000000000000";
        for (path, allowed) in [
            ("/v1/tickets", "POST"),
            ("/v1/users/alice", "GET,HEAD"),
            ("/v1/users/alice/messages", "POST"),
            ("/v1/users/alice/sessions", "GET,HEAD,DELETE"),
            ("/v1/sessions", "GET,HEAD"),
            (unknown, "GET,HEAD,DELETE"),
            (&format!("{unknown}/messages"), "POST"),
            ("/livez", "GET,HEAD"),
            ("/readyz", "GET,HEAD"),
            ("/version", "GET,HEAD"),
            ("/problems", "GET,HEAD"),
        ] {
            for method in ["PUT", "PATCH", "OPTIONS", "TRACE", "NONE"] {
                let response = node.call(method, path, &Value::Null).await;
                is_problem(&response, 405, "method-not-allowed");
                assert_eq!(response.header("allow"), Some(allowed), "{path}");
            }
        }
        for path in [
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v1/users",
            "/v1/users/",
            "//v1/sessions",
            "/v1//sessions",
            "/v1/sessions/",
            "/v1/users/a/b/messages",
            "/v2/tickets",
            "/V1/tickets",
            "/v1/tickets/",
            "/v1/tickets%00",
            "/admin",
            "/dev/ticket",
            "/problems/none",
        ] {
            let response = node.call("GET", path, &Value::Null).await;
            assert_eq!(response.status, 404, "{path}: {response:?}");
            is_problem(&response, 404, "not-found");
        }
    });
}

#[test]
fn a16_headers_that_claim_something_are_not_believed() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let claims = [
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Method-Override", "DELETE"),
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Real-IP", "6.6.6.6"),
            ("Forwarded", "for=6.6.6.6"),
            ("X_User_Id", "bob"),
            ("X.User.Id", "bob"),
        ];
        let path = "/v1/users/alice/sessions";
        let mut caller = node.caller().await;
        let response = caller.call_with("GET", path, &claims, b"").await;
        assert_eq!(response.json()["items"][0]["id"], session.id);
        let mut headers = claims.to_vec();
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        headers.push(("Sec-WebSocket-Protocol", &offer));
        let peer = crate::peer::Peer::dial(node.address, &headers, "").await.unwrap();
        let claimed = Session::welcomed(peer).await;
        assert_eq!(claimed.welcome["user"], "alice");
        let path = format!("/v1/sessions/{}", claimed.id);
        let shown = node.ask("GET", &path, &Value::Null).await;
        assert_eq!(shown["address"], "127.0.0.1");
    });
}

#[test]
fn a_session_is_shown_with_everything_that_is_known_of_it() {
    with_node(config(), async |node| {
        let request = json!({
            "user": "alice", "device": "d1", "device_class": "phone", "meta": {"app": "1.2"},
        });
        let mut session = node.join_with(&request).await;
        let path = format!("/v1/sessions/{}", session.id);
        let mut shown = node.ask("GET", &path, &Value::Null).await;
        let created_at = shown["created_at"].take();
        assert!(created_at.as_u64().unwrap() > 1_700_000_000_000);
        let expected = json!({
            "id": session.id, "user": "alice", "device": "d1", "device_class": "phone",
            "node": "n1", "state": "live", "created_at": null, "connected_at": created_at,
            "active_at": created_at, "address": "127.0.0.1", "meta": {"app": "1.2"},
        });
        assert_eq!(shown, expected);

        passed(protocol::time::Timestamp(created_at.as_u64().unwrap())).await;
        session.send(&json!({"type": "active"})).await;
        session.in_step().await;
        let shown = node.ask("GET", &path, &Value::Null).await;
        assert!(shown["active_at"].as_u64() > created_at.as_u64());

        let mut watch = node.watch();
        session.peer.vanish();
        watch.parked(&session.id).await;
        let shown = node.ask("GET", &path, &Value::Null).await;
        assert_eq!(shown["state"], "parked");
        assert!(shown["resumable_until"].as_u64() > created_at.as_u64());
        let list = node.ask("GET", "/v1/users/alice/sessions", &Value::Null).await;
        assert_eq!(list, json!({"items": [shown]}));
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        let counted = |user: &str, online: bool, parked: u32| json!({"user": user, "online": online, "blocked": false, "live": 0, "parked": parked});
        assert_eq!(user, counted("alice", true, 1));
        let unknown = node.ask("GET", "/v1/users/bob", &Value::Null).await;
        assert_eq!(unknown, counted("bob", false, 0));
    });
}
