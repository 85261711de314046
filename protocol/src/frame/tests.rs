//! Frames against the fixtures that other languages read too, and what is not taken.

use std::collections::BTreeMap;

use expect_test::{Expect, expect, expect_file};
use serde_json::value::RawValue;

use super::{heard::Heard, said::Said, *};
use crate::{
    close::CloseCode,
    data::Data,
    http::LongTtl,
    id::{MessageId, ResumeToken, SessionId},
    limit::DETAIL_BYTES_MAX,
    name::{DeviceId, UserId},
    partition::Partition,
    position::{Mark, Position},
    target::Target,
    time::Timestamp,
};

fn data(json: &str) -> Data {
    serde_json::from_str(json).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

const SESSION: SessionId = SessionId::new(Partition(0xa4), 1);
const AT: Timestamp = Timestamp(1_790_000_000_000);

fn position(seq: u64) -> Position {
    Position { epoch: 0x6_5bf3_ff08_d400, seq }
}

fn message<'a>(data: &'a Data) -> Message<'a> {
    Message {
        id: MessageId::new(Partition(0xa4), 7),
        position: Some(position(17)),
        data,
        at: AT,
        from: None,
        echo_of: None,
        replayed: false,
    }
}

fn text(frame: &ToSession<'_>) -> String {
    let mut out = Vec::new();
    frame.encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn written() -> Vec<(&'static str, String)> {
    let (hello, alice, bob) = (data(r#"{"hello": "alice"}"#), user("alice"), user("bob \"b\""));
    let plain = message(&hello);
    let by = By { session: SESSION, device: Some(DeviceId::parse("phone").unwrap()), at: AT };
    let welcome = Welcome {
        session: SESSION,
        user: user("alice"),
        position: position(16),
        resume: ResumeToken::new(Partition(0xa4), 3),
        resumed: false,
        ping_ms: 25_000,
        node: "n1".to_owned(),
        urls: vec!["wss://ws.example.com".to_owned()],
    };
    let reply =
        |outcome| text(&ToSession::Reply(&Reply { reference: Some("c1".to_owned()), outcome }));
    let id = MessageId::new(Partition(0x7c), 9);
    let error = ReplyError { code: "forbidden".into(), detail: "no".into(), retry_ms: Some(5) };
    vec![
        ("welcome", text(&ToSession::Welcome(&welcome))),
        (
            "welcome_bare",
            text(&ToSession::Welcome(&Welcome {
                urls: Vec::new(),
                resumed: true,
                ..welcome.clone()
            })),
        ),
        ("message", text(&ToSession::Message(plain))),
        ("message_from", text(&ToSession::Message(Message { from: Some(&bob), ..plain }))),
        (
            "message_echo",
            text(&ToSession::Message(Message { from: Some(&alice), echo_of: Some(&bob), ..plain })),
        ),
        ("message_volatile", text(&ToSession::Message(Message { position: None, ..plain }))),
        ("message_replayed", text(&ToSession::Message(Message { replayed: true, ..plain }))),
        (
            "gap",
            text(&ToSession::Gap(&Gap {
                after: position(1),
                until: position(9),
                reason: GapReason::Overflow,
            })),
        ),
        ("caught_up", text(&ToSession::CaughtUp(position(17)))),
        ("reply", reply(ReplyOutcome::Sent { id, echoed: None })),
        ("reply_not_echoed", reply(ReplyOutcome::Sent { id, echoed: Some(false) })),
        ("reply_error", reply(ReplyOutcome::Refused { error })),
        ("ping", text(&ToSession::Ping)),
        ("pong", text(&ToSession::Pong)),
        (
            "closing_drain",
            text(&ToSession::Closing(&Closing {
                retry_ms: Some(1234),
                ..Closing::new(CloseCode::Drain)
            })),
        ),
        (
            "closing_replaced",
            text(&ToSession::Closing(&Closing {
                by: Some(by),
                ..Closing::new(CloseCode::Replaced)
            })),
        ),
    ]
}

#[test]
fn what_the_server_writes_is_what_the_fixtures_say() {
    let mut lines = String::from("{\n");
    for (name, frame) in written() {
        let _: serde_json::Value = serde_json::from_str(&frame).unwrap();
        lines += &format!("  \"{name}\": {frame},\n");
    }
    let lines = lines.trim_end_matches(",\n").to_owned() + "\n}\n";
    expect_file!["../../fixtures/to_session.json"].assert_eq(&lines);
}

#[test]
fn what_a_session_writes_is_read_as_the_fixtures_say() {
    let frames: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/from_session.json")).unwrap();
    let table: String = frames
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, frame)| format!("{name}: {:?}\n", read(&frame.to_string()).unwrap()))
        .collect();
    expect_file!["../../fixtures/from_session.txt"].assert_eq(&table);
}

#[test]
fn what_a_session_hears_is_what_the_fixtures_say() {
    let frames: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(include_str!("../../fixtures/to_session.json")).unwrap();
    let table: String = frames
        .iter()
        .map(|(name, frame)| format!("{name}: {:?}\n", Heard::read(frame.get()).unwrap()))
        .collect();
    expect_file!["../../fixtures/to_session.txt"].assert_eq(&table);
}

#[test]
fn a_session_ignores_what_it_does_not_know() {
    let heard = |text: &str| format!("{:?}", Heard::read(text).unwrap());
    assert_eq!(heard(r#"{"type":"dance","step":[1,{}]}"#), "Unknown");
    assert_eq!(heard(r#"{"type":"ping","colour":"red"}"#), "Ping");
    assert_eq!(
        heard(r#"{"type":"gap","after":"1.1","until":"x-y","reason":"flood","n":7}"#),
        r#"Gap(Gap { after: Mark("1.1"), until: Mark("x-y"), reason: None })"#
    );
    assert_eq!(
        heard(r#"{"type":"closing","code":4777,"why":"later"}"#),
        "Closing(Closing { code: 4777, retry_ms: None, by: None })"
    );
}

#[test]
fn what_no_session_can_read_is_told_without_what_it_says() {
    for (text, expected) in [
        ("hi", "a frame cannot be read at column 1"),
        (r#"["ping"]"#, "a frame cannot be read at column 1"),
        (r#"{"data":1}"#, "a frame cannot be read at column 10"),
        (r#"{"type":"message","data":1}"#, "message cannot be read at column 27"),
        (r#"{"type":"caught_up","position":"a b"}"#, "caught_up cannot be read at column 37"),
        (r#"{"type":"welcome","resume":"r_secret"}"#, "welcome cannot be read at column 38"),
    ] {
        assert_eq!(Heard::read(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn what_a_session_says_is_what_the_fixtures_say() {
    let frames: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(include_str!("../../fixtures/from_session.json")).unwrap();
    let (bob, hi, null) = (user("bob"), data(r#"{"text": "hi"}"#), data("null"));
    let (mark, phone) = (Mark::parse("65bf3ff08d400.11").unwrap(), DeviceId::parse("phone"));
    let send = said::Send {
        reference: None,
        user: &bob,
        data: &hi,
        to: None,
        volatile: false,
        ttl: None,
        echo: None,
        key: None,
    };
    let whole = said::Send {
        reference: Some("c1"),
        data: &null,
        to: Some(&Target::Device(phone.unwrap())),
        volatile: true,
        ttl: LongTtl::new(30),
        echo: Some(true),
        key: Some("k1"),
        ..send
    };
    let said = [
        ("active", Said::Active),
        ("ack", Said::Ack { position: &mark }),
        ("leave", Said::Leave),
        ("ping", Said::Ping),
        ("pong", Said::Pong),
        ("send", Said::Send(send)),
        ("send_whole", Said::Send(whole)),
    ];
    for (name, frame) in said {
        let written: serde_json::Value = serde_json::from_str(&frame.text()).unwrap();
        assert_eq!(written, frames[name], "{name}");
        assert!(read(&frame.text()).is_ok(), "{name}");
    }
    // Only the one that stands for types that are not known is not written.
    assert_eq!(frames.len(), said.len() + 1);
}

#[track_caller]
fn check_unread(text: &str, expected: &Expect) {
    let unread = read(text).unwrap_err();
    expected.assert_eq(&format!("{}: {}", unread.invalid.name(), unread.detail));
}

#[test]
fn j1_a_frame_that_is_not_json_is_bad_json() {
    for text in ["", "hi", "{", "\u{feff}{}", "{} x", "{\"type\":NaN}", "{'type':'ping'}", "[1,]"] {
        assert_eq!(read(text).unwrap_err().invalid, Invalid::Json, "{text:?}");
    }
    check_unread(
        "{'type':1}",
        &expect!["bad-json: not JSON: key must be a string at line 1 column 2"],
    );
}

#[test]
fn j2_j3_j4_a_frame_is_one_object_with_a_type_and_each_key_once() {
    for text in ["[]", "7", "null", "\"ping\"", r#"["ping"]"#, "{}", r#"{"ref":"a"}"#] {
        assert_eq!(read(text).unwrap_err().invalid, Invalid::Frame, "{text:?}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(read(&deep).unwrap_err().invalid, Invalid::Frame);
    check_unread(r#"{"type":"ack","type":"send"}"#, &expect!["bad-frame: a key is there twice"]);
}

#[test]
fn j3_deep_data_is_refused() {
    let deep = format!(
        r#"{{"type":"send","user":"bob","data":{}1{}}}"#,
        "[".repeat(40_000),
        "]".repeat(40_000)
    );
    check_unread(&deep, &expect!["bad-field: data must have at most 64 KiB"]);
    let deep = format!(
        r#"{{"type":"send","user":"bob","data":{}1{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    check_unread(&deep, &expect!["bad-field: data must nest at most 32 levels deep"]);
}

#[test]
fn j5_unknown_types_and_fields_are_not_faults() {
    let received = |reference: Option<&str>, frame| {
        Ok(Received { reference: reference.map(str::to_owned), frame })
    };
    assert_eq!(read(r#"{"type":"dance"}"#), received(None, FromSession::Unknown));
    assert_eq!(read(r#"{"type":"dance","ref":"c1"}"#), received(Some("c1"), FromSession::Unknown));
    assert_eq!(
        read(r#"{"type":"ping","colour":"red","colour":"blue"}"#),
        received(None, FromSession::Ping)
    );
}

#[test]
fn j6_j7_a_missing_or_wrong_field_is_named() {
    check_unread(r#"{"type":7}"#, &expect!["bad-field: type must be a string"]);
    check_unread(r#"{"type":"send","data":1}"#, &expect!["bad-field: user must be given"]);
    check_unread(r#"{"type":"send","user":"bob"}"#, &expect!["bad-field: data must be given"]);
    check_unread(
        r#"{"type":"send","user":null,"data":1}"#,
        &expect!["bad-field: user must be a string"],
    );
    check_unread(
        r#"{"type":"send","user":"bob","data":1,"volatile":"yes"}"#,
        &expect![[r#"bad-field: volatile must be true or false"#]],
    );
    check_unread(
        r#"{"type":"send","user":"bob","data":1,"ttl":0}"#,
        &expect!["bad-field: ttl must be 1 to 2592000 seconds"],
    );
    check_unread(r#"{"type":"ack"}"#, &expect!["bad-field: position must be given"]);
    check_unread(
        r#"{"type":"ack","position":1e999}"#,
        &expect!["bad-field: position number out of range"],
    );
    check_unread(
        r#"{"type":"ack","position":-1}"#,
        &expect!["bad-field: position must be a string"],
    );
    check_unread(
        r#"{"type":"ack","position":"1.1E9"}"#,
        &expect!["bad-field: position is not a position that Usher gave out"],
    );
    check_unread(
        &format!(r#"{{"type":"ping","ref":"{}"}}"#, "x".repeat(10_000)),
        &expect!["bad-field: ref must have 1 to 255 bytes"],
    );
    let refused = read(r#"{"type":"send","ref":"c9","user":"","data":1}"#).unwrap_err();
    assert_eq!(refused.reference.as_deref(), Some("c9"));
}

#[test]
fn what_was_sent_is_not_sent_back_at_length() {
    // Escaped for a person, each of these characters is three times as long.
    let long = "\u{200b}".repeat(25_000);
    for text in [
        format!(r#"{{"type":"send","user":"bob","data":1,"volatile":"{long}"}}"#),
        format!(r#"{{"type":"send","user":"bob","data":1,"ttl":["{long}"]}}"#),
        format!(r#"{{"type":"ping","ref":"{long}"}}"#),
    ] {
        let detail = read(&text).unwrap_err().detail;
        assert!(detail.len() <= DETAIL_BYTES_MAX, "{detail}");
    }
}

#[test]
fn j11_names_are_checked_and_data_is_not_looked_into() {
    check_unread(
        r#"{"type":"send","user":"a\u0000b","data":1}"#,
        &expect!["bad-field: user must have no control characters"],
    );
    assert_eq!(
        read(r#"{"type":"send","user":"\ud800","data":1}"#).unwrap_err().invalid,
        Invalid::Field
    );
    let Ok(Received { frame: FromSession::Send(send), .. }) =
        read(r#"{"type":"send","user":"bob","data":{"__proto__":"\ud800"}}"#)
    else {
        panic!("data is opaque")
    };
    assert_eq!(send.data.as_str(), r#"{"__proto__":"\ud800"}"#);
}
