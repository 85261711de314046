//! The codec against RFC 6455, row F of the bad inputs, and the rules behind Autobahn's cases.
//!
//! Every input goes through `check`, which decodes it as one read, byte by byte, and in random
//! reads: the outcome must be the same, and the memory kept must be paid for by bytes that came.

mod close;
mod encode;
mod frames;
mod random;
mod text;

use std::borrow::Cow;

use super::partial::Partial;
use super::{Bounds, Close, Decoder, Event, Failure, Step};
use random::Rng;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = FIN | 0x8;
const PING: u8 = FIN | 0x9;
const PONG: u8 = FIN | 0xA;

/// As the server has them.
const BOUNDS: Bounds = Bounds { frame_bytes: 80 << 10, message_bytes: 80 << 10, fragments: 64 };

/// The key of the examples in RFC 6455, section 5.7.
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// What a caller sees: events, and at the end perhaps how it ended.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Event(Event<'static>),
    Failed(Failure),
    Unfinished,
}

fn text(text: &str) -> Seen {
    Seen::Event(Event::Text(text.to_owned().into()))
}

fn binary(bytes: &[u8]) -> Seen {
    Seen::Event(Event::Binary(bytes.to_owned().into()))
}

fn ping(bytes: &[u8]) -> Seen {
    Seen::Event(Event::Ping(bytes.to_owned().into()))
}

fn pong(bytes: &[u8]) -> Seen {
    Seen::Event(Event::Pong(bytes.to_owned().into()))
}

fn closed(close: Option<(u16, &str)>) -> Seen {
    let close = close.map(|(code, reason)| Close { code, reason: reason.to_owned().into() });
    Seen::Event(Event::Close(close))
}

fn failed(failure: Failure) -> Seen {
    Seen::Failed(failure)
}

/// A masked frame with its length in the shortest form.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_with_key(first, KEY, payload)
}

fn frame_with_key(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = payload.len().to_be_bytes();
    let length = match payload.len() {
        0..=125 => vec![0x80 | length[7]],
        126..=0xFFFF => [&[0x80 | 126], &length[6..]].concat(),
        _ => [&[0x80 | 127], &length[..]].concat(),
    };
    let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    [&[first], &length[..], &key].concat().into_iter().chain(masked).collect()
}

fn check(input: impl AsRef<[u8]>, expected: &[Seen]) {
    check_within(&BOUNDS, input, expected);
}

fn check_within(bounds: &Bounds, input: impl AsRef<[u8]>, expected: &[Seen]) {
    assert_eq!(decode_in_many_ways(bounds, input.as_ref()), expected);
}

/// Decodes, and makes sure that how the input is split over reads does not matter.
fn decode_in_many_ways(bounds: &Bounds, input: &[u8]) -> Vec<Seen> {
    let seen = decode(bounds, [input]);
    assert_eq!(decode(bounds, input.chunks(1)), seen, "byte by byte");
    let mut rng = Rng::new();
    for _ in 0..10 {
        let reads = rng.splits(input);
        let lengths: Vec<_> = reads.iter().map(|read| read.len()).collect();
        assert_eq!(decode(bounds, reads), seen, "in reads of {lengths:?}");
    }
    seen
}

fn decode<'a>(bounds: &Bounds, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    let mut received = 0;
    for read in reads {
        received += read.len();
        let mut buffer = read.to_owned();
        let mut input = buffer.as_mut_slice();
        loop {
            match decoder.next(input, bounds) {
                Ok(Step::Event { event, rest }) => {
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
                    seen.push(failed(failure));
                    return seen;
                }
            }
        }
        let paid = (2 * received).min(bounds.message_bytes + 2 * 125);
        let held = decoder.held_bytes();
        assert!(held <= size_of::<Partial>() + paid.max(8), "{held} held, {received} received");
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

/// How many bytes, coming one by one, it takes to be refused.
fn refused_at(input: impl AsRef<[u8]>) -> Option<(usize, Failure)> {
    let mut decoder = Decoder::default();
    for (at, &byte) in input.as_ref().iter().enumerate() {
        if let Err(failure) = decoder.next(&mut [byte], &BOUNDS) {
            return Some((at + 1, failure));
        }
    }
    None
}
