//! What a person is told of a body that was not taken.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::read;
use crate::{
    http::{SendRequest, TicketRequest},
    limit::{DETAIL_BYTES_MAX, FIELD_BYTES_MAX},
    problem::FieldError,
};

#[track_caller]
fn check_ticket(body: &str, expected: &Expect) {
    let refused = read::<TicketRequest>(body.as_bytes()).unwrap_err();
    expected.assert_eq(&format!("{}: {}", refused.code.name(), refused.detail));
}

#[track_caller]
fn check_send(body: &str, expected: &Expect) {
    let refused = read::<SendRequest>(body.as_bytes()).unwrap_err();
    expected.assert_eq(&format!("{}: {}", refused.code.name(), refused.detail));
}

#[test]
fn a_body_is_one_object_of_json() {
    check_ticket("[]", &expect!["bad-json: the body must be one JSON object"]);
    check_ticket("user=alice", &expect!["bad-json: the body must be one JSON object"]);
    check_ticket(
        "{\"user\":",
        &expect!["bad-json: not JSON at line 1 column 8: EOF while parsing a value"],
    );
    check_ticket(
        "{\"user\":\"a\"} x",
        &expect!["bad-json: not JSON at line 1 column 14: trailing characters"],
    );
    check_ticket("\u{feff}{}", &expect!["bad-json: the body must be one JSON object"]);
}

#[test]
fn fields_are_known_there_and_once() {
    check_ticket("", &expect!["bad-field: user must be given"]);
    check_ticket(
        r#"{"usr":"a"}"#,
        &expect!["unknown-field: usr is not known here; did you mean user?"],
    );
    check_ticket(r#"{"colour":"red"}"#, &expect!["unknown-field: colour is not known here"]);
    check_ticket(r#"{"user":"a","user":"b"}"#, &expect!["bad-field: user is there twice"]);
    check_ticket(
        r#"{"user":"a","policy":{"max":1,"par":"user"}}"#,
        &expect!["unknown-field: policy.par is not known here; did you mean per?"],
    );
}

#[test]
fn a_wrong_value_is_told_with_its_field() {
    check_ticket(r#"{"user":""}"#, &expect!["bad-field: user must not be empty"]);
    check_ticket(r#"{"user":7}"#, &expect!["bad-field: user must be a string"]);
    check_ticket(
        r#"{"user":"a","policy":{"max":0}}"#,
        &expect!["bad-field: policy max must be 1 to 128"],
    );
    check_ticket(
        r#"{"user":"a","policy":"dual"}"#,
        &expect![[r#"bad-field: policy must be "multi", "single" or {"max", "per", "when_full"}"#]],
    );
    check_ticket(r#"{"user":"a","send":[""]}"#, &expect!["bad-field: send[0] must not be empty"]);
    check_ticket(
        r#"{"user":"a","origin":"null"}"#,
        &expect![
            "bad-field: origin must be scheme://host or scheme://host:port in lower case, without a path, as browsers send it"
        ],
    );
    check_ticket(r#"{"user":"a","meta":{"a":1}}"#, &expect!["bad-field: meta.a must be a string"]);
    check_send(
        r#"{"data":1,"to":"everyone"}"#,
        &expect!["bad-field: to must be all, active, device:<id>, class:<name> or session:<id>"],
    );
}

#[test]
fn a9_a_ttl_is_whole_seconds_within_its_bounds() {
    check_ticket(r#"{"user":"a","ttl":0}"#, &expect!["bad-field: ttl must be 1 to 600 seconds"]);
    check_ticket(r#"{"user":"a","ttl":601}"#, &expect!["bad-field: ttl must be 1 to 600 seconds"]);
    check_ticket(r#"{"user":"a","ttl":-1}"#, &expect!["bad-field: ttl must be 1 to 600 seconds"]);
    check_ticket(
        r#"{"user":"a","ttl":1000000000000}"#,
        &expect!["bad-field: ttl must be 1 to 600 seconds"],
    );
    check_ticket(r#"{"user":"a","ttl":"30"}"#, &expect!["bad-field: ttl must be 1 to 600 seconds"]);
    check_ticket(r#"{"user":"a","ttl":1.5}"#, &expect!["bad-field: ttl must be 1 to 600 seconds"]);
    check_send(r#"{"data":1,"ttl":0}"#, &expect!["bad-field: ttl must be 1 to 2592000 seconds"]);
}

#[test]
fn whole_numbers_are_read_in_either_spelling() {
    for number in ["2", "2.0", "20e-1", "0.2e1"] {
        let body = format!(r#"{{"user":"a","ttl":{number},"policy":{{"max":{number}}}}}"#);
        let request = read::<TicketRequest>(body.as_bytes()).unwrap();
        assert_eq!(request.ttl.unwrap().duration(), Duration::from_secs(2), "{number}");
        assert_eq!(request.policy.unwrap().max, 2, "{number}");
    }
    for number in ["2.5", "-2.0", "129.0", "1e300", "-0.0", "0.0"] {
        let body = format!(r#"{{"user":"a","policy":{{"max":{number}}}}}"#);
        read::<TicketRequest>(body.as_bytes()).unwrap_err();
    }
}

#[test]
fn data_may_be_null_but_not_absent() {
    check_send("{}", &expect!["bad-field: data must be given"]);
    assert_eq!(read::<SendRequest>(br#"{"data":null}"#).unwrap().data.as_str(), "null");
}

#[test]
fn a_field_that_is_not_known_is_named_whatever_marks_it_has() {
    check_ticket(r#"{"a`b":1}"#, &expect!["unknown-field: a`b is not known here"]);
    check_ticket(
        r#"{"x`, expected `user`":1}"#,
        &expect!["unknown-field: x`, expected `user` is not known here"],
    );
    check_ticket(
        r#"{"user":"a","policy":{"":1}}"#,
        &expect!["unknown-field: policy. is not known here"],
    );
}

#[test]
fn what_was_sent_is_not_sent_back_at_length() {
    // Escaped for a person, each of these characters is three times as long.
    let long = "\u{200b}".repeat(300_000);
    for body in [
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"user":"a","policy":{{"{long}":1}}}}"#),
        format!(r#"{{"user":"a","policy":{{"max":1,"per":"{long}"}}}}"#),
        format!(r#"{{"user":"a","meta":{{"{long}":1}}}}"#),
        format!(r#"{{"user":"a","policy":"{long}"}}"#),
    ] {
        let refused = read::<TicketRequest>(body.as_bytes()).unwrap_err();
        let [FieldError { field, detail }] = &refused.errors[..] else { panic!("one field") };
        assert!(field.len() <= FIELD_BYTES_MAX, "{field}");
        assert!(detail.len() <= DETAIL_BYTES_MAX, "{detail}");
        assert!(refused.detail.len() <= DETAIL_BYTES_MAX, "{}", refused.detail);
    }
}
