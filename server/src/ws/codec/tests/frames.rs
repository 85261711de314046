//! Heads, fragments and bounds: Autobahn's cases 1 to 5 and 10.

use super::*;

/// The head of a frame with its length in 16 or 64 bits, minimal or not, and no payload yet.
fn head(first: u8, second: u8, length: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | second], length, &KEY].concat()
}

#[test]
fn every_form_of_length_is_read() {
    for length in [0, 1, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = "*".repeat(length);
        check(frame(FIN | TEXT, payload.as_bytes()), &[text(&payload)]);
        check(frame(FIN | BINARY, payload.as_bytes()), &[binary(payload.as_bytes())]);
    }
}

#[test]
fn a_whole_frame_is_a_slice_of_the_input_and_costs_no_memory() {
    let mut decoder = Decoder::default();
    let mut input = [frame(FIN | TEXT, b"one"), frame(FIN | BINARY, b"two")].concat();
    let place = input.as_ptr_range();
    let step = decoder.next(&mut input, &BOUNDS).unwrap();
    let Step::Event { event: Event::Text(Cow::Borrowed("one")), rest } = step else { panic!() };
    let step = decoder.next(rest, &BOUNDS).unwrap();
    let Step::Event { event: Event::Binary(Cow::Borrowed(two)), rest } = step else { panic!() };
    assert!(two == b"two" && rest.is_empty() && place.contains(&two.as_ptr()));
    assert!(matches!(decoder.next(rest, &BOUNDS), Ok(Step::More)));
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_frame_that_came_after_its_head_is_still_a_slice_of_the_input() {
    let mut input = frame(FIN | TEXT, b"payload");
    let (head, payload) = input.split_at_mut(6);
    let mut decoder = Decoder::default();
    assert!(matches!(decoder.next(head, &BOUNDS), Ok(Step::More)));
    let step = decoder.next(payload, &BOUNDS).unwrap();
    assert!(matches!(step, Step::Event { event: Event::Text(Cow::Borrowed("payload")), .. }));
    assert!(!decoder.unfinished());
}

#[test]
fn an_idle_decoder_is_one_pointer_and_a_partial_frame_is_small() {
    assert_eq!(size_of::<Decoder>(), size_of::<usize>());
    assert!(size_of::<Partial>() <= 96, "{}", size_of::<Partial>());
}

#[test]
fn f1_an_unmasked_frame_is_refused() {
    check([FIN | TEXT, 2, b'h', b'i'], &[failed(Failure::NotMasked)]);
}

#[test]
fn f2_reserved_bits_are_refused() {
    for bits in 1..8 {
        for first in [FIN | TEXT, FIN | BINARY, CLOSE, PING, PONG] {
            let bad = frame(first | bits << 4, b"small");
            let input = [frame(FIN | TEXT, b"good"), bad, frame(PING, b"")].concat();
            check(input, &[text("good"), failed(Failure::ReservedBit)]);
        }
    }
}

#[test]
fn f3_reserved_opcodes_are_refused() {
    for opcode in (0x3..=0x7).chain(0xB..=0xF) {
        let input = [frame(FIN | TEXT, b"good"), frame(FIN | opcode, b"")].concat();
        check(input, &[text("good"), failed(Failure::ReservedOpcode)]);
    }
}

#[test]
fn control_frames_carry_up_to_125_bytes_of_anything() {
    for payload in [&b""[..], b"Hello", b"\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", &[0xFE; 125]] {
        check(frame(PING, payload), &[ping(payload)]);
        check(frame(PONG, payload), &[pong(payload)]);
    }
    let numbers: Vec<u8> = (0..10).collect();
    let pings: Vec<u8> = numbers.iter().flat_map(|n| frame(PING, &[*n])).collect();
    check(pings, &numbers.iter().map(|n| ping(&[*n])).collect::<Vec<_>>());
}

#[test]
fn f4_a_control_frame_over_125_bytes_or_in_fragments_is_refused() {
    for first in [PING, PONG, CLOSE] {
        check(frame(first, &[0xFE; 126]), &[failed(Failure::ControlTooLong)]);
        check(head(first, 127, &[0; 8]), &[failed(Failure::ControlTooLong)]);
        let parts = [frame(first & !FIN, b"a"), frame(FIN | CONTINUATION, b"b")];
        check(parts.concat(), &[failed(Failure::ControlFragmented)]);
    }
}

#[test]
fn control_frames_may_come_between_fragments() {
    let parts = [
        frame(TEXT, b"one,"),
        frame(PING, b"first"),
        frame(CONTINUATION, b"two,"),
        frame(PONG, b""),
        frame(PING, &[b'*'; 125]),
        frame(FIN | CONTINUATION, b"three"),
        frame(FIN | BINARY, b"next"),
    ];
    let events =
        [ping(b"first"), pong(b""), ping(&[b'*'; 125]), text("one,two,three"), binary(b"next")];
    check(parts.concat(), &events);
}

#[test]
fn f5_a_continuation_of_nothing_is_refused() {
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let input = [frame(first, b"lost"), frame(FIN | TEXT, b"next")].concat();
        check(&input, &[failed(Failure::NothingToContinue)]);
        let message = [frame(TEXT, b"a"), frame(FIN | CONTINUATION, b"b"), input].concat();
        check(message, &[text("ab"), failed(Failure::NothingToContinue)]);
    }
}

#[test]
fn f5_a_new_message_inside_an_unfinished_one_is_refused() {
    for first in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let input = [frame(TEXT, b"one"), frame(first, b"two")].concat();
        check(input, &[failed(Failure::MessageUnfinished)]);
    }
}

#[test]
fn f6_a_huge_length_is_refused_at_the_header() {
    for (length, failure) in [
        (u64::MAX, Failure::LengthTopBit),
        (1 << 63, Failure::LengthTopBit),
        ((1 << 63) - 1, Failure::FrameTooLong),
        (1 << 32, Failure::FrameTooLong),
        ((80 << 10) + 1, Failure::FrameTooLong),
    ] {
        let input = head(FIN | BINARY, 127, &length.to_be_bytes());
        check(&input, &[failed(failure)]);
        assert_eq!(refused_at(&input), Some((10, failure)));
    }
}

#[test]
fn f7_a_length_that_is_not_minimal_is_refused() {
    for length in [0, 5, 125] {
        check(head(FIN | TEXT, 126, &[0, length]), &[failed(Failure::LengthNotMinimal)]);
    }
    for length in [0_u64, 5, 126, 65_535] {
        let input = head(FIN | TEXT, 127, &length.to_be_bytes());
        check(input, &[failed(Failure::LengthNotMinimal)]);
    }
}

#[test]
fn f8_frames_and_messages_may_be_as_long_as_the_bounds_and_no_longer() {
    let bounds = Bounds { frame_bytes: 200, message_bytes: 300, fragments: 64 };
    let [full, over] = [[b'*'; 200], [b'*'; 200]].map(|payload| payload.to_vec());
    check_within(&bounds, frame(FIN | BINARY, &full), &[binary(&full)]);
    let over = frame(FIN | BINARY, &[over, vec![b'*']].concat());
    check_within(&bounds, over, &[failed(Failure::FrameTooLong)]);

    let second = [frame(BINARY, &full), frame(PING, &[1; 125])].concat();
    let fits = [second.clone(), frame(FIN | CONTINUATION, &full[..100])].concat();
    check_within(&bounds, fits, &[ping(&[1; 125]), binary(&[b'*'; 300])]);
    let over = [second, frame(FIN | CONTINUATION, &full[..101])].concat();
    check_within(&bounds, over, &[ping(&[1; 125]), failed(Failure::MessageTooLong)]);
}

#[test]
fn f8_a_control_frame_is_not_held_against_the_bounds_of_data() {
    let bounds = Bounds { frame_bytes: 10, message_bytes: 10, fragments: 1 };
    check_within(&bounds, frame(PING, &[1; 125]), &[ping(&[1; 125])]);
}

#[test]
fn f9_the_65th_fragment_is_refused_whatever_the_size() {
    for payload in [&b""[..], b"*", b"some more"] {
        let mut input = frame(BINARY, payload);
        for _ in 0..62 {
            input.extend(frame(CONTINUATION, payload));
        }
        let last = [input.clone(), frame(FIN | CONTINUATION, payload)].concat();
        check(last, &[binary(&payload.repeat(64))]);
        input.extend(frame(CONTINUATION, payload));
        check(&input, &[Seen::Unfinished]);
        input.extend(frame(FIN | CONTINUATION, payload));
        check(&input, &[failed(Failure::TooManyFragments)]);
    }
}

#[test]
fn f10_every_cut_leaves_something_unfinished() {
    let whole = [frame(TEXT, b"a"), frame(PING, b"b"), frame(FIN | CONTINUATION, b"c")].concat();
    let after_ping = frame(TEXT, b"a").len() + frame(PING, b"b").len();
    for cut in 1..whole.len() {
        let ping = (cut >= after_ping).then(|| ping(b"b"));
        check(&whole[..cut], &ping.into_iter().chain([Seen::Unfinished]).collect::<Vec<_>>());
    }
}

#[test]
fn f17_unsolicited_pongs_are_events() {
    check([frame(PONG, b"x"), frame(PING, b"y")].concat(), &[pong(b"x"), ping(b"y")]);
}

#[test]
fn f18_binary_is_an_event_for_the_caller_to_judge() {
    check(frame(FIN | BINARY, b"{}"), &[binary(b"{}")]);
}

#[test]
fn f20_a_reserved_bit_on_a_continuation_is_refused() {
    let input = [frame(TEXT, b"a"), frame(FIN | CONTINUATION | 0x40, b"b")].concat();
    check(input, &[failed(Failure::ReservedBit)]);
}

#[test]
fn f24_other_protocols_are_refused_at_the_first_byte() {
    for input in ["GET / HTTP/1.1\r\n\r\n", "POST /x", "\x16\x03\x01\x02", "PRI * HTTP/2.0", "{}"] {
        assert_eq!(refused_at(input).map(|(at, failure)| (at, failure.code())), Some((1, 1002)));
    }
}

#[test]
fn f25_a_key_of_zeros_is_accepted() {
    check(frame_with_key(FIN | TEXT, [0; 4], b"as it is"), &[text("as it is")]);
}

#[test]
fn a_message_in_frames_of_1300_bytes_is_put_together() {
    let payload: Vec<u8> = b"0123456789ABCDEF".repeat(4_096);
    let mut input = frame(BINARY, &payload[..1_300]);
    let mut fragments = payload[1_300..].chunks(1_300).peekable();
    while let Some(fragment) = fragments.next() {
        let fin = if fragments.peek().is_none() { FIN } else { 0 };
        input.extend(frame(fin | CONTINUATION, fragment));
    }
    check(input, &[binary(&payload)]);
}

#[test]
fn every_failure_has_the_close_code_of_its_kind_and_a_reason() {
    for (code, failures) in [
        (
            1002,
            &[
                Failure::ReservedBit,
                Failure::ReservedOpcode,
                Failure::ControlFragmented,
                Failure::ControlTooLong,
                Failure::NothingToContinue,
                Failure::MessageUnfinished,
                Failure::NotMasked,
                Failure::LengthNotMinimal,
                Failure::LengthTopBit,
                Failure::CloseBodyCut,
                Failure::CloseCodeInvalid,
            ][..],
        ),
        (1007, &[Failure::NotUtf8]),
        (1008, &[Failure::TooManyFragments]),
        (1009, &[Failure::FrameTooLong, Failure::MessageTooLong]),
    ] {
        for failure in failures {
            assert_eq!(failure.code(), code, "{failure:?}");
            assert!((1..=123).contains(&failure.reason().len()), "{failure:?}");
        }
    }
}
