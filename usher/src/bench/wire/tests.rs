//! Tests of frames, with the examples of RFC 6455, section 5.7.

use super::{Frame, Malformed, read, text};

#[test]
fn the_examples_are_read() {
    let hello = b"\x81\x05Hello";
    assert_eq!(read(hello), Ok(Some((Frame::Text(b"Hello"), 7))));
    assert_eq!(read(&[0x88, 2, 0x0F, 0xA1]), Ok(Some((Frame::Close(Some(4001)), 4))));
    assert_eq!(read(&[0x88, 0]), Ok(Some((Frame::Close(None), 2))));
    assert_eq!(read(b"\x89\x05Hello"), Ok(Some((Frame::Other, 7))));
}

#[test]
fn every_form_of_length_is_read_and_a_part_of_a_frame_is_none() {
    for (length, head) in [
        (125, vec![125]),
        (126, vec![126, 0, 126]),
        (70_000, vec![127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
    ] {
        let payload = vec![b'x'; length];
        let frame = [&[0x81][..], &head, &payload].concat();
        for cut in [0, 1, 2, head.len(), frame.len() - 1] {
            assert_eq!(read(&frame[..cut]), Ok(None), "{length}, {cut}");
        }
        assert_eq!(read(&frame), Ok(Some((Frame::Text(&payload), frame.len()))));
    }
}

#[test]
fn what_a_server_may_not_send_is_refused() {
    // Masked, a fragment, a binary message, a length beyond reason.
    for bytes in [
        &[0x81, 0x85, 0, 0, 0, 0][..],
        b"\x01\x00",
        b"\x82\x00",
        &[0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(read(bytes), Err(Malformed), "{bytes:?}");
    }
}

#[test]
fn what_is_written_is_masked_and_says_its_length() {
    for length in [0, 5, 125, 126, 65_535, 65_536] {
        let payload = vec![b'y'; length];
        let mut out = Vec::new();
        text(&payload, &mut out);
        assert_eq!(out[0], 0x81);
        assert_eq!(out[1] & 0x80, 0x80, "masked");
        let head = out.len() - length;
        let mask: [u8; 4] = out[head - 4..head].try_into().unwrap();
        let unmasked: Vec<u8> =
            out[head..].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(unmasked, payload);
        out[1] &= 0x7F;
        let told: Vec<u8> = [&out[..head - 4], &unmasked].concat();
        assert_eq!(read(&told), Ok(Some((Frame::Text(&payload), told.len()))));
    }
}
