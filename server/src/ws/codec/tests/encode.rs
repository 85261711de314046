//! Frames that the server sends.

use super::super::{Opcode, encode};
use super::*;

#[test]
fn a_length_takes_its_shortest_form() {
    for (length, head) in [
        (0, &[0x81, 0][..]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (0xFFFF, &[0x81, 126, 0xFF, 0xFF]),
        (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        assert_eq!(encode::head(Opcode::Text, length).as_ref(), head);
        let payload = vec![b'*'; length];
        assert_eq!(encode::frame(Opcode::Text, &payload), [head, &payload].concat());
    }
}

#[test]
fn each_kind_has_its_opcode_and_no_frame_is_masked() {
    for (opcode, first) in [
        (Opcode::Text, FIN | TEXT),
        (Opcode::Binary, FIN | BINARY),
        (Opcode::Close, CLOSE),
        (Opcode::Ping, PING),
        (Opcode::Pong, PONG),
    ] {
        assert_eq!(encode::frame(opcode, b"hi"), [first, 2, b'h', b'i'].as_slice());
    }
}

#[test]
fn a_close_frame_holds_code_and_reason() {
    assert_eq!(encode::close(1000, ""), [CLOSE, 2, 0x03, 0xE8].as_slice());
    assert_eq!(encode::close(4001, "slow"), [&[CLOSE, 6, 0x0F, 0xA1], &b"slow"[..]].concat());
}

#[test]
fn a_long_reason_is_cut_between_two_characters() {
    for (reason, kept) in [("x".repeat(123), 123), ("x".repeat(124), 123), ("é".repeat(62), 122)] {
        let frame = encode::close(1000, &reason);
        assert_eq!(frame[1], kept + 2);
        assert!(reason.as_bytes().starts_with(&frame[4..]));
        assert!(str::from_utf8(&frame[4..]).is_ok());
    }
}
