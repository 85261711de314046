//! The codec against RFC 6455, row F of the bad inputs, and the rules behind Autobahn's cases.
//!
//! Every input goes through `check`, which decodes it as one read, byte by byte, and in random
//! reads: the outcome must be the same, that of the oracle, and the memory kept must be paid for by
//! bytes that came. Fuzzing asks the same of any bytes, so that is where it is written.

mod close;
mod encode;
mod frames;
mod random;
mod text;

use std::borrow::Cow;

use super::partial::Partial;
use super::{Bounds, Close, Decoder, Event, Failure, Step};
use crate::fuzzing::{
    codec::{BOUNDS, TIGHT, decode_in_many_ways},
    dice::Dice,
    oracle::Seen,
};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = FIN | 0x8;
const PING: u8 = FIN | 0x9;
const PONG: u8 = FIN | 0xA;

/// The key of the examples in RFC 6455, section 5.7.
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

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
