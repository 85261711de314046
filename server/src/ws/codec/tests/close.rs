//! Close frames: Autobahn's cases 7.

use super::*;

fn body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

#[test]
fn f13_a_close_body_of_one_byte_is_refused() {
    check(frame(CLOSE, &[3]), &[failed(Failure::CloseBodyCut)]);
}

#[test]
fn f13_codes_that_must_not_be_sent_are_refused() {
    let refused = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
    for code in refused {
        check(frame(CLOSE, &body(code, b"why")), &[failed(Failure::CloseCodeInvalid)]);
    }
}

#[test]
fn f14_a_close_reason_that_is_not_utf8_is_refused() {
    for reason in [&b"\xC0\xAF"[..], b"\xCE\xBA\xED\xA0\x80edited", b"cut \xE2\x82"] {
        check(frame(CLOSE, &body(1000, reason)), &[failed(Failure::NotUtf8)]);
    }
}

#[test]
fn f15_an_empty_close_and_every_code_for_the_wire_are_accepted() {
    check(frame(CLOSE, b""), &[closed(None)]);
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        check(frame(CLOSE, &body(code, b"")), &[closed(Some((code, "")))]);
    }
}

#[test]
fn a_reason_fills_the_frame_and_no_more() {
    for reason in ["bye", "κόσμε", &"*".repeat(123)] {
        let input = frame(CLOSE, &body(1000, reason.as_bytes()));
        check(input, &[closed(Some((1000, reason)))]);
    }
    check(frame(CLOSE, &body(1000, &[b'*'; 124])), &[failed(Failure::ControlTooLong)]);
}

#[test]
fn f16_what_follows_a_close_has_no_say_in_it() {
    for after in [
        frame(CLOSE, b""),
        frame(PING, b""),
        frame(FIN | TEXT, b"late"),
        b"GET / HTTP/1.1\r\n".to_vec(),
    ] {
        check([frame(CLOSE, &body(1000, b"")), after].concat(), &[closed(Some((1000, "")))]);
    }
}

#[test]
fn f16_a_close_in_the_middle_of_a_fragmented_message_is_a_close() {
    let parts = [frame(TEXT, b"a"), frame(CLOSE, b""), frame(FIN | CONTINUATION, b"b")];
    check(parts.concat(), &[closed(None)]);
}
