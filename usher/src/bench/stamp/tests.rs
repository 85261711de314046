//! Tests of stamps.

use std::time::Duration;

use super::{BYTES_MIN, Stamp, position};

fn frame(size: usize) -> Vec<u8> {
    let mut frame = br#"{"type":"message","id":"m_1","position":"1.2","data":"#.to_vec();
    stamp().write(size, &mut frame);
    frame.extend_from_slice(br#","at":1790000000000}"#);
    frame
}

fn stamp() -> Stamp {
    Stamp { number: 7, due: Duration::from_nanos(1_234_567) }
}

#[test]
fn a_stamp_is_found_as_it_was_written() {
    for size in [0, BYTES_MIN, BYTES_MIN + 1, 128, 4096] {
        let frame = frame(size);
        assert_eq!(Stamp::find(&frame, size), Some(stamp()), "{size}");
        let text = std::str::from_utf8(&frame).unwrap();
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(json["data"].as_str().unwrap().len() + 2, size.max(BYTES_MIN));
    }
}

#[test]
fn no_byte_of_it_may_differ() {
    let good = frame(64);
    let start = good.windows(7).position(|seven| seven == b"\"data\":").unwrap() + 7;
    for at in start..start + 64 {
        let mut bad = good.clone();
        bad[at] = b'!';
        assert_eq!(Stamp::find(&bad, 64), None, "byte {at}");
    }
}

#[test]
fn what_is_no_message_has_no_stamp() {
    for text in ["", "{}", r#"{"type":"pong"}"#, r#"{"data":"#, r#"{"data":"short"}"#] {
        assert_eq!(Stamp::find(text.as_bytes(), 64), None, "{text}");
    }
    assert_eq!(Stamp::find(&frame(64), 65), None);
}

#[test]
fn a_message_tells_its_position() {
    assert_eq!(position(&frame(64)).unwrap().to_string(), "1.2");
    assert_eq!(position(br#"{"type":"message","data":1}"#), None);
}
