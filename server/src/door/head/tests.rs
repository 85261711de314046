//! What a socket wants, by its first bytes.

use protocol::{limit, problem::ProblemCode};

use super::{Head, Looked, Unread, look};

#[track_caller]
fn check(said: &str, expected: &Result<Option<Head>, Unread>) {
    assert_eq!(
        look(said.as_bytes(), limit::HEAD_BYTES_MAX, &mut Looked::default()),
        *expected,
        "{:?}",
        &said[..said.len().min(60)]
    );
}

const OTHER: Result<Option<Head>, Unread> = Ok(Some(Head::Other));
const NOT_YET: Result<Option<Head>, Unread> = Ok(None);

#[test]
fn a_request_head_is_awaited_whole() {
    check("", &NOT_YET);
    check("GET /v1/conn", &NOT_YET);
    check("GET /v1/connect HTTP/1.1\r\nHost: a\r\n", &NOT_YET);
    let whole = "GET /v1/connect?ticket=t HTTP/1.1\r\nHost: a\r\n\r\n";
    check(&format!("{whole}early"), &Ok(Some(Head::Session { length: whole.len() })));
    check("POST /v1/connect HTTP/1.1\r\n\r\n", &Ok(Some(Head::Session { length: 29 })));
    check("GET /v1/connections HTTP/1.1\r\n\r\n", &OTHER);
    check("GET /v1%2Fconnect HTTP/1.1\r\n\r\n", &OTHER);
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n{\"a\":1}", &OTHER);
    check("GET / HTTP/1.1\r\nHost: a\r\n", &NOT_YET);
    check("\n", &Err(Unread::Refused(ProblemCode::BadRequest)));
}

#[test]
fn h18_h19_a_head_is_bounded() {
    let long = format!("GET /v1/connect?{}", "x".repeat(limit::REQUEST_LINE_BYTES_MAX));
    check(&long, &Err(Unread::Refused(ProblemCode::UriTooLong)));
    let start = "GET /v1/connect HTTP/1.1\r\nX: ";
    let filled = format!("{start}{}", "x".repeat(limit::HEAD_BYTES_MAX - start.len()));
    check(&filled, &Err(Unread::Refused(ProblemCode::HeadTooLarge)));
    check(&filled[..limit::HEAD_BYTES_MAX - 1], &NOT_YET);
}

#[test]
fn h27_what_is_not_http_is_refused_at_its_first_byte() {
    check("\u{16}\u{3}\u{1}", &Err(Unread::Refused(ProblemCode::BadRequest)));
    check("get / HTTP/1.1\r\n", &Err(Unread::Refused(ProblemCode::BadRequest)));
}

#[test]
fn the_end_of_a_head_is_found_across_reads() {
    let whole = b"GET /v1/connect HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut looked = Looked::default();
    for length in 1..whole.len() {
        assert_eq!(look(&whole[..length], limit::HEAD_BYTES_MAX, &mut looked), NOT_YET);
    }
    let length = whole.len();
    assert_eq!(look(whole, limit::HEAD_BYTES_MAX, &mut looked), Ok(Some(Head::Session { length })));
}

#[test]
fn what_was_looked_at_is_not_looked_at_again() {
    let mut looked = Looked::default();
    assert_eq!(look(b"GET /v1/connect HT", limit::HEAD_BYTES_MAX, &mut looked), NOT_YET);
    // Were the search to begin anew, it would end here.
    assert_eq!(
        look(b"GET /\r\n\r\nnect HTTP/1.1\r\nHost: a", limit::HEAD_BYTES_MAX, &mut looked),
        NOT_YET
    );
    assert_eq!(
        look(b"GET /\r\n\r\nnect HTTP/1.1\r\n\r\nst: a\r\nX: ", limit::HEAD_BYTES_MAX, &mut looked),
        NOT_YET
    );
    let whole = b"GET /v1/connect HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n";
    let length = whole.len();
    assert_eq!(look(whole, limit::HEAD_BYTES_MAX, &mut looked), Ok(Some(Head::Session { length })));
}
