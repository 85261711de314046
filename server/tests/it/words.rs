//! Words: what sessions say in JSON, and the answers to what makes no sense.

use serde_json::{Value, json};

use crate::{
    call::Caller,
    frame::{self, Frame, TEXT, masked},
    node::{Node, config, with_node},
    peer::{Peer, Session, handshake},
};

/// Says something and tells the `code` of the answer, which must be a refusal.
async fn refused(session: &mut Session, said: &str) -> Value {
    session.write(&masked(TEXT, said.as_bytes())).await;
    let reply = session.typed("reply").await;
    let shown = &said[..said.len().min(100)];
    let detail = reply["error"]["detail"].as_str().unwrap_or_else(|| panic!("{shown}: {reply}"));
    assert!(!detail.is_empty() && detail.len() < 300, "{shown}: {reply}");
    reply
}

async fn check(session: &mut Session, said: &str, code: &str) {
    let reply = refused(session, said).await;
    assert_eq!(reply["error"]["code"], code, "{}: {reply}", &said[..said.len().min(100)]);
    session.in_step().await;
}

async fn is_ignored(session: &mut Session, said: &str) {
    session.write(&masked(TEXT, said.as_bytes())).await;
    session.in_step().await;
}

#[test]
fn j1_what_is_not_json_is_refused_and_the_third_in_a_row_ends_the_session() {
    const NOT_JSON: [&str; 12] = [
        "",
        " ",
        "x",
        "{",
        "{\"type\":\"ping\"}x",
        "{\"type\":\"ping\"}{}",
        "\u{feff}{\"type\":\"ping\"}",
        "{\"type\":NaN}",
        "{'type':'ping'}",
        "{\"type\":\"ping\",}",
        "{\"type\":\"ping\"/**/}",
        "[1,",
    ];
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        for said in NOT_JSON {
            check(&mut session, said, "bad-json").await;
        }
        // Two in a row are forgiven by a frame that is one.
        for said in ["x", "y"] {
            assert_eq!(refused(&mut session, said).await["error"]["code"], "bad-json");
        }
        check(&mut session, "[]", "bad-frame").await;
        let mut watch = node.watch();
        for said in ["x", "y", "z"] {
            assert_eq!(refused(&mut session, said).await["error"]["code"], "bad-json");
        }
        session.closed_with(4400, "protocol-error").await;
        assert_eq!(watch.ended(&session.id).await, 4400);
        let mut back = node.try_resume(&session.token, &session.position).await;
        back.closed_with(4202, "cannot-resume").await;
    });
}

#[test]
fn j2_j3_j4_j5_what_is_no_frame_is_refused() {
    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        let session = &mut session;
        for said in ["[]", "1", "null", "true", "\"ping\"", "[{\"type\":\"ping\"}]", " [ ] "] {
            check(session, said, "bad-frame").await;
        }
        for said in ["{}", "{\"typ\":\"ping\"}"] {
            check(session, said, "bad-frame").await;
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        check(session, &deep, "bad-frame").await;
        check(session, &"[".repeat(10_000), "bad-json").await;
        let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        check(session, &objects, "bad-frame").await;
        let inside = format!("{{\"type\":\"send\",\"user\":\"bob\",\"data\":{deep}}}");
        check(session, &inside, "bad-field").await;
        for twice in [
            r#"{"type":"ack","type":"send"}"#,
            r#"{"type":"ping","type":"ping"}"#,
            r#"{"type":"send","user":"bob","user":"carol","data":1}"#,
            r#"{"type":"send","user":"bob","data":1,"data":2}"#,
            r#"{"ref":"a","type":"ping","ref":"b"}"#,
            r#"{"type":"ping","\u0074ype":"leave"}"#,
        ] {
            check(session, twice, "bad-frame").await;
        }

        let unknown = refused(session, r#"{"type":"dance","ref":"c7"}"#).await;
        let detail = "this version does not know that type";
        let error = json!({"code": "unknown-type", "detail": detail});
        assert_eq!(unknown, json!({"type": "reply", "ref": "c7", "error": error}));
        is_ignored(session, r#"{"type":"dance"}"#).await;
        is_ignored(session, r#"{"type":"pong"}"#).await;
        is_ignored(session, r#"{"type":"active","x":1,"x":2}"#).await;
        is_ignored(session, &format!("{{\"type\":\"active\",\"x\":{deep}}}")).await;
    });
}

#[test]
fn j6_j7_j11_fields_are_what_they_should_be() {
    with_node(config(), async |node| {
        let request = json!({"user": "alice", "send": "any"});
        let mut session = node.join_with(&request).await;
        let session = &mut session;
        let mut bob = node.join("bob").await;
        let long = "x".repeat(10_000);
        let users = [
            r#""""#,
            r#"".""#,
            r#""..""#,
            r#""\u0000""#,
            r#""\u007f""#,
            r#""\ud800""#,
            "1",
            "null",
            "[\"bob\"]",
            &format!("\"{long}\""),
        ];
        for user in users {
            let said = format!(r#"{{"type":"send","ref":"c1","user":{user},"data":1}}"#);
            let reply = refused(session, &said).await;
            assert_eq!(
                (&reply["ref"], &reply["error"]["code"]),
                (&json!("c1"), &json!("bad-field"))
            );
        }
        for fields in [
            r#""data":1"#,
            r#""user":"bob""#,
            r#""user":"bob","data":1,"ttl":-1"#,
            r#""user":"bob","data":1,"ttl":0"#,
            r#""user":"bob","data":1,"ttl":1.5"#,
            r#""user":"bob","data":1,"ttl":1e999"#,
            r#""user":"bob","data":1,"ttl":9007199254740993"#,
            r#""user":"bob","data":1,"ttl":18446744073709551616"#,
            r#""user":"bob","data":1,"ttl":"30""#,
            r#""user":"bob","data":1,"ttl":null"#,
            r#""user":"bob","data":1,"volatile":1"#,
            r#""user":"bob","data":1,"volatile":"true""#,
            r#""user":"bob","data":1,"echo":{"except":"x"}"#,
            r#""user":"bob","data":1,"to":"everyone""#,
            r#""user":"bob","data":1,"to":"session:x""#,
            r#""user":"bob","data":1,"to":1"#,
            r#""user":"bob","data":1,"key":"""#,
            r#""user":"bob","data":1,"key":1"#,
        ] {
            let said = format!(r#"{{"type":"send",{fields}}}"#);
            check(session, &said, "bad-field").await;
        }
        for said in [
            r#"{"type":1}"#,
            r#"{"type":null}"#,
            r#"{"type":"ack"}"#,
            r#"{"type":"ack","position":-1}"#,
            r#"{"type":"ack","position":1.5}"#,
            r#"{"type":"ack","position":"-1"}"#,
            r#"{"type":"ack","position":"1.00"}"#,
            r#"{"type":"ack","position":"1.fffffffffffffffff"}"#,
            r#"{"type":"ack","position":"1"}"#,
            r#"{"type":"ping","ref":1}"#,
            r#"{"type":"ping","ref":""}"#,
        ] {
            check(session, said, "bad-field").await;
        }
        let said = format!(r#"{{"type":"ping","ref":"{long}"}}"#);
        let reply = refused(session, &said).await;
        assert_eq!((reply.get("ref"), &reply["error"]["code"]), (None, &json!("bad-field")));
        bob.in_step().await;
    });
}

#[test]
fn j11_what_the_app_says_is_nobodys_business() {
    with_node(config(), async |node| {
        let mut session = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        let mut odd = node.join("__proto__").await;
        for data in [
            r#""\ud800""#,
            r#""\u0000""#,
            r#"{"__proto__":{"x":1},"constructor":null}"#,
            r#""<script>alert(1)</script>""#,
            r#"{"a":1,"a":2}"#,
            "-0.0",
        ] {
            let said = format!(r#"{{"type":"send","ref":"c1","user":"__proto__","data":{data}}}"#);
            session.write(&masked(TEXT, said.as_bytes())).await;
            assert!(session.typed("reply").await.get("id").is_some(), "{data}");
            let got = odd.text().await;
            assert!(got.contains(&format!(r#","data":{data},"at":"#)), "{data}: {got}");
        }
    });
}

#[test]
fn j8_an_ack_of_what_was_never_sent_is_refused_and_changes_nothing() {
    async fn acked(node: &Node, session: &Session) -> Value {
        let path = format!("/v1/sessions/{}", session.id);
        node.ask("GET", &path, &Value::Null).await["acked"].take()
    }

    with_node(config(), async |node| {
        let mut session = node.join("alice").await;
        assert_eq!(acked(node, &session).await, Value::Null);
        node.send("alice", &json!({"data": 1})).await;
        node.send("alice", &json!({"data": 2})).await;
        session.messages(1).await;
        let first = session.position.clone();
        session.messages(1).await;
        let (epoch, _) = first.split_once('.').unwrap();
        for position in
            [format!("{epoch}.3"), format!("{epoch}.ffffffffffffffff"), "1.1".to_owned()]
        {
            let said = json!({"type": "ack", "ref": "c1", "position": position}).to_string();
            let reply = refused(&mut session, &said).await;
            let detail = "position is not one that this session was sent";
            let error = json!({"code": "bad-field", "detail": detail});
            assert_eq!(reply, json!({"type": "reply", "ref": "c1", "error": error}));
            assert_eq!(acked(node, &session).await, Value::Null);
        }
        session.send(&json!({"type": "ack", "position": first})).await;
        session.in_step().await;
        assert_eq!(acked(node, &session).await, json!(first));
    });
}

#[test]
fn frames_mean_the_same_to_who_did_not_offer_usher_v1() {
    with_node(config(), async |node| {
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let mut session =
            Session::welcomed(node.dial(&format!("?ticket={ticket}"), "").await).await;
        check(&mut session, "[]", "bad-frame").await;
        session.send(&json!({"type": "leave"})).await;
        session.closed_with(1000, "").await;
    });
}

#[test]
fn a_welcome_says_what_it_takes_to_come_back() {
    let config =
        server::config::Config { public_url: Some("wss://ws.example.com".to_owned()), ..config() };
    with_node(config, async |node| {
        let session = node.join("a}{b 😀").await;
        let (id, position, token) = (&session.id, &session.position, &session.token);
        let urls = ["wss://ws.example.com/v1/connect"];
        let expected = json!({
            "type": "welcome", "session": id, "user": "a}{b 😀", "position": position,
            "resume": token, "resumed": false, "ping_ms": 25_000, "node": "n1", "urls": urls,
        });
        assert_eq!(session.welcome, expected);
        assert!(id.starts_with("s_") && id.len() == 26, "{id}");
        assert!(token.starts_with("r_") && token.len() == 26);
    });
}

#[test]
fn j12_a_greeting_means_nothing_and_frames_before_the_welcome_wait() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let offer = format!("usher.v1, resume.{}, after.{}", session.token, session.position);
        let head = handshake("", &[("Sec-WebSocket-Protocol", &offer)]);
        let early = [json!({"type": "active"}), json!({"type": "ping"})];
        let early: Vec<u8> = early.iter().flat_map(frame::json).collect();
        let peer = Peer::over(Caller::open(node.address).await, &head, &early).await.unwrap();
        let mut back = Session::welcomed(peer).await;
        assert_eq!(back.welcome["session"], session.id);
        back.caught_up().await;
        back.typed("pong").await;

        for greeting in [r#"{"type":"hello"}"#, r#"{"type":"welcome","resumed":true}"#] {
            for _ in 0..2 {
                is_ignored(&mut back, greeting).await;
                let asking = greeting.replacen('{', r#"{"ref":"g","#, 1);
                check(&mut back, &asking, "unknown-type").await;
            }
        }
        // A handshake is no frame.
        back.write(handshake("", &[]).as_bytes()).await;
        let close = back.next().await;
        assert!(matches!(&close, Some(Frame::Close(Some((1002, _))))), "{close:?}");
    });
}
