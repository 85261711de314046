//! Text is UTF-8, checked as it comes: Autobahn's cases 6.

use super::*;

/// By the groups of Autobahn's cases 6.5 to 6.23, which are those of Markus Kuhn's decoder test.
const VALID: &[&[u8]] = &[
    // Some valid sequences.
    "hello$world hello¢world hello€world hello\u{24B62}world".as_bytes(),
    "κόσμε".as_bytes(),
    // The first and the last of each length.
    b"\0",
    b"\xC2\x80",
    b"\xE0\xA0\x80",
    b"\xF0\x90\x80\x80",
    b"\x7F",
    b"\xDF\xBF",
    b"\xEF\xBF\xBF",
    b"\xF4\x8F\xBF\xBF",
    // Around the surrogates, and the replacement character.
    b"\xED\x9F\xBF",
    b"\xEE\x80\x80",
    b"\xEF\xBF\xBD",
    // Non-characters of several planes, and specials.
    b"\xEF\xBF\xBE",
    b"\xF0\x9F\xBF\xBE",
    b"\xF1\xAF\xBF\xBF",
    b"\xF3\xBF\xBF\xBE",
    b"\xF4\x8F\xBF\xBE",
    b"\xEF\xBF\xB9\xEF\xBF\xBA\xEF\xBF\xBB\xEF\xBF\xBC",
];

/// Each with the number of its bytes up to the one that makes it invalid; none if it is only cut.
const INVALID: &[(&[u8], Option<usize>)] = &[
    // Prefixes that end within a code point.
    (b"\xCE", None),
    (b"\xCE\xBA\xE1", None),
    (b"\xCE\xBA\xE1\xBD", None),
    (b"\xCE\xBA\xE1\xBD\xB9\xCF", None),
    // Five and six bytes, and beyond U+10FFFF.
    (b"\xF8\x88\x80\x80\x80", Some(1)),
    (b"\xFC\x84\x80\x80\x80\x80", Some(1)),
    (b"\xF7\xBF\xBF\xBF", Some(1)),
    (b"\xFB\xBF\xBF\xBF\xBF", Some(1)),
    (b"\xFD\xBF\xBF\xBF\xBF\xBF", Some(1)),
    (b"\xF4\x90\x80\x80", Some(2)),
    // Unexpected continuation bytes.
    (b"\x80", Some(1)),
    (b"\xBF\x80", Some(1)),
    (b"ok\x80\xBF\x80", Some(3)),
    // Lonely start bytes.
    (b"\xC2 ", Some(2)),
    (b"\xC0 \xC1 ", Some(1)),
    (b"\xE0 \xE1 ", Some(2)),
    (b"\xF0 \xF1 ", Some(2)),
    (b"\xF8 ", Some(1)),
    (b"\xFC ", Some(1)),
    // The last continuation byte is missing.
    (b"\xDF", None),
    (b"\xEF\xBF", None),
    (b"\xF4\x8F\xBF", None),
    (b"\xE0\x80", Some(2)),
    (b"\xF0\x80\x80", Some(2)),
    (b"\xF7\xBF\xBF", Some(1)),
    (b"\xDF\xEF\xBF", Some(2)),
    // Impossible bytes.
    (b"\xFE", Some(1)),
    (b"\xFF", Some(1)),
    // Overlong forms of a slash, of the last of each length, and of NUL.
    (b"\xC0\xAF", Some(1)),
    (b"\xE0\x80\xAF", Some(2)),
    (b"\xF0\x80\x80\xAF", Some(2)),
    (b"\xC1\xBF", Some(1)),
    (b"\xE0\x9F\xBF", Some(2)),
    (b"\xF0\x8F\xBF\xBF", Some(2)),
    (b"\xC0\x80", Some(1)),
    (b"\xE0\x80\x80", Some(2)),
    (b"\xF0\x80\x80\x80", Some(2)),
    // Surrogates, alone and in pairs.
    (b"\xED\xA0\x80", Some(2)),
    (b"\xED\xAD\xBF", Some(2)),
    (b"\xED\xAE\x80", Some(2)),
    (b"\xED\xAF\xBF", Some(2)),
    (b"\xED\xB0\x80", Some(2)),
    (b"\xED\xBE\x80", Some(2)),
    (b"\xED\xBF\xBF", Some(2)),
    (b"\xED\xA0\x80\xED\xB0\x80", Some(2)),
    (b"\xED\xAF\xBF\xED\xBF\xBF", Some(2)),
];

/// One byte per frame.
fn fragmented(payload: &[u8]) -> Vec<u8> {
    let (last, others) = payload.split_last().unwrap();
    let mut opcode = TEXT;
    let mut input = Vec::new();
    for byte in others {
        input.extend(frame(opcode, &[*byte]));
        opcode = CONTINUATION;
    }
    input.extend(frame(FIN | opcode, &[*last]));
    input
}

#[test]
fn valid_sequences_are_accepted() {
    for &payload in VALID {
        let expected = [text(str::from_utf8(payload).unwrap())];
        check(frame(FIN | TEXT, payload), &expected);
        if payload.len() <= 64 {
            check(fragmented(payload), &expected);
        }
    }
}

#[test]
fn f11_invalid_and_cut_sequences_are_refused() {
    for &(payload, _) in INVALID {
        check(frame(FIN | TEXT, payload), &[failed(Failure::NotUtf8)]);
        check(fragmented(payload), &[failed(Failure::NotUtf8)]);
        let before = [b"before ", payload].concat();
        check(frame(FIN | TEXT, &before), &[failed(Failure::NotUtf8)]);
    }
}

#[test]
fn f11_text_fails_at_its_first_bad_byte_in_the_middle_of_a_frame() {
    for &(payload, bad) in INVALID {
        let input = frame(FIN | TEXT, &[payload, b" and more"].concat());
        let head = input.len() - payload.len() - b" and more".len();
        let bad = bad.unwrap_or(payload.len() + 1);
        assert_eq!(refused_at(input), Some((head + bad, Failure::NotUtf8)), "{payload:X?}");
    }
}

#[test]
fn f11_text_fails_at_its_first_bad_byte_in_the_middle_of_a_message() {
    // Autobahn's cases 6.4: the rest of the message never comes.
    let first = frame(TEXT, "κόσμε".as_bytes());
    let second = frame(CONTINUATION, b"\xF4\x90");
    let head = second.len() - 2;
    let whole = [first.clone(), second].concat();
    assert_eq!(refused_at(&whole), Some((first.len() + head + 2, Failure::NotUtf8)));
    check(&whole, &[failed(Failure::NotUtf8)]);
    check(&whole[..whole.len() - 1], &[Seen::Unfinished]);
}

#[test]
fn f12_a_code_point_may_be_split_over_fragments_and_reads() {
    let parts = [
        frame(TEXT, b"\xF0\x9F"),
        frame(PING, b"\xFF"),
        frame(CONTINUATION, b""),
        frame(CONTINUATION, b"\x98"),
        frame(FIN | CONTINUATION, b"\x80!"),
    ];
    check(parts.concat(), &[ping(b"\xFF"), text("\u{1F600}!")]);
}

#[test]
fn text_may_be_empty_in_any_of_its_fragments() {
    check(frame(FIN | TEXT, b""), &[text("")]);
    for (parts, whole) in [(["", "", ""], ""), (["", "middle", ""], "middle")] {
        let [first, second, third] = parts.map(str::as_bytes);
        let first = frame(TEXT, first);
        let second = frame(CONTINUATION, second);
        let third = frame(FIN | CONTINUATION, third);
        check([first, second, third].concat(), &[text(whole)]);
    }
}

#[test]
fn binary_may_hold_anything() {
    for &(payload, _) in INVALID {
        check(frame(FIN | BINARY, payload), &[binary(payload)]);
    }
}
