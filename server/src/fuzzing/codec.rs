//! Codec: bytes as they come from a WebSocket.
//!
//! However they are split over reads, the decoder sees what the oracle sees, and it keeps no more
//! than the bounds and the bytes that came allow. What it took goes back as frames of the server,
//! which the oracle reads as well.

use std::borrow::Cow;

use protocol::limit;

use super::{
    dice::Dice,
    oracle::{self, Seen},
};
use crate::ws::codec::{Bounds, Close, Decoder, Event, Opcode, Step, encode};

/// As the server has them.
pub(crate) const BOUNDS: Bounds = Bounds {
    frame_bytes: limit::FRAME_BYTES_MAX,
    message_bytes: limit::FRAME_BYTES_MAX,
    fragments: limit::FRAGMENTS_MAX,
};

/// Small enough that small inputs break them.
pub(crate) const TIGHT: Bounds = Bounds { frame_bytes: 200, message_bytes: 250, fragments: 3 };

/// What an unfinished frame costs besides its payload. A test of the codec says why.
const PARTIAL_BYTES_MAX: usize = 96;

/// In how many random ways an input is cut.
const CUTS: usize = 4;

/// What must hold of bytes from a WebSocket.
pub fn check(input: &[u8]) {
    for bounds in [BOUNDS, TIGHT] {
        for seen in decode_in_many_ways(&bounds, input) {
            if let Seen::Event(event) = seen {
                answer(&event);
            }
        }
    }
}

/// Decodes, and makes sure that the oracle sees the same and that the cuts do not matter.
pub(crate) fn decode_in_many_ways(bounds: &Bounds, input: &[u8]) -> Vec<Seen> {
    let seen = decode(bounds, [input]);
    assert_eq!(seen, oracle::read(bounds, input), "left: the decoder, right: the oracle");
    assert_eq!(decode(bounds, input.chunks(1)), seen, "byte by byte");
    let mut dice = Dice::of(input);
    for _ in 0..CUTS {
        let reads = dice.cuts(input);
        let lengths: Vec<_> = reads.iter().map(|read| read.len()).collect();
        assert_eq!(decode(bounds, reads), seen, "in reads of {lengths:?}");
    }
    seen
}

fn decode<'a>(bounds: &Bounds, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    let (mut buffer, mut received) = (Vec::new(), 0);
    for read in reads {
        received += read.len();
        buffer.clear();
        buffer.extend_from_slice(read);
        let mut input = buffer.as_mut_slice();
        loop {
            let before = input.len();
            match decoder.next(input, bounds) {
                Ok(Step::Event { event, rest }) => {
                    assert!(rest.len() < before, "an event takes bytes");
                    input = rest;
                    let last = matches!(event, Event::Close(_));
                    seen.push(Seen::Event(owned(event)));
                    if last {
                        return seen;
                    }
                }
                Ok(Step::More) => break,
                Err(failure) => {
                    assert_eq!(decoder.held_bytes(), 0, "a failure frees all");
                    seen.push(Seen::Failed(failure));
                    return seen;
                }
            }
        }
        let paid = (2 * received).min(bounds.message_bytes + 2 * 125);
        let held = decoder.held_bytes();
        assert!(held <= PARTIAL_BYTES_MAX + paid.max(8), "{held} held, {received} received");
        assert_eq!(held > 0, decoder.unfinished());
    }
    if decoder.unfinished() {
        seen.push(Seen::Unfinished);
    }
    seen
}

fn owned(event: Event<'_>) -> Event<'static> {
    let bytes = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
    match event {
        Event::Text(text) => Event::Text(text.into_owned().into()),
        Event::Binary(payload) => Event::Binary(bytes(payload)),
        Event::Ping(payload) => Event::Ping(bytes(payload)),
        Event::Pong(payload) => Event::Pong(bytes(payload)),
        Event::Close(close) => Event::Close(
            close.map(|close| Close { reason: close.reason.into_owned().into(), ..close }),
        ),
    }
}

/// Sends back what came, as a server would.
fn answer(event: &Event<'_>) {
    let check = |opcode: Opcode, payload: &[u8]| {
        let frame = encode::frame(opcode, payload);
        assert_eq!(oracle::written(&frame), (opcode as u8, payload));
    };
    match event {
        Event::Text(text) => {
            check(Opcode::Text, text.as_bytes());
            // Too long for a reason as it often is, it is cut between two characters.
            let frame = encode::close(1000, text);
            let (opcode, body) = oracle::written(&frame);
            let reason = str::from_utf8(&body[2..]).expect("it is UTF-8 as the text was");
            assert_eq!((opcode, &body[..2]), (0x8, &[0x03, 0xE8][..]));
            assert!(body.len() <= 125 && text.starts_with(reason));
            assert!(reason.len() == text.len() || reason.len() > 123 - 4, "no more is cut");
        }
        Event::Binary(payload) => check(Opcode::Binary, payload),
        Event::Ping(payload) | Event::Pong(payload) => check(Opcode::Pong, payload),
        Event::Close(None) => check(Opcode::Close, b""),
        Event::Close(Some(Close { code, reason })) => {
            let body = [&code.to_be_bytes(), reason.as_bytes()].concat();
            assert_eq!(encode::close(*code, reason), encode::frame(Opcode::Close, &body));
            check(Opcode::Close, &body);
        }
    }
}
