//! Random streams: what was encoded comes out, and what was damaged does no harm.

use std::hash::{BuildHasher, RandomState};

use super::*;

/// SplitMix64. Its seed is printed; `SEED=n` replays it.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new() -> Self {
        let seed = match std::env::var("SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(0),
        };
        println!("SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, end: usize) -> Vec<u8> {
        (0..self.below(end)).map(|_| self.byte()).collect()
    }

    fn text(&mut self, end: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.below(end) {
            let top = [0x80, 0x800, 0x1_0000, 0x11_0000][self.below(4)];
            text.extend(u32::try_from(self.below(top)).ok().and_then(char::from_u32));
        }
        text
    }

    /// Mostly short ones, and now and then one that needs 16 or 64 bits for its length.
    fn length(&mut self) -> usize {
        [4, 40, 40, 130, 300, 17_000][self.below(6)]
    }

    /// Cuts into pieces of some typical length, some of them empty.
    pub(super) fn splits<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let typical = [2, 5, 20, 200, 20_000][self.below(5)].min(1 + bytes.len());
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.below(typical + 1).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }

    fn control(&mut self) -> (Vec<u8>, Seen) {
        let payload = self.bytes(126);
        match self.below(2) {
            0 => (self.frame(PING, &payload), ping(&payload)),
            _ => (self.frame(PONG, &payload), pong(&payload)),
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8]) -> Vec<u8> {
        let key = [self.byte(), self.byte(), self.byte(), self.byte()];
        frame_with_key(first, key, payload)
    }

    /// A message in up to `BOUNDS.fragments` fragments, with control frames between them.
    fn message(&mut self) -> (Vec<u8>, Vec<Seen>) {
        let length = self.length();
        let (mut opcode, payload, message) = match self.below(2) {
            0 => {
                let payload = self.text(length);
                (TEXT, payload.clone().into_bytes(), text(&payload))
            }
            _ => {
                let payload = self.bytes(length);
                (BINARY, payload.clone(), binary(&payload))
            }
        };
        let mut fragments = self.splits(&payload);
        if fragments.is_empty() || fragments.len() > 64 || self.below(2) == 0 {
            fragments = vec![&payload];
        }
        let (mut bytes, mut seen) = (Vec::new(), Vec::new());
        for (at, fragment) in fragments.iter().enumerate() {
            let fin = if at + 1 == fragments.len() { FIN } else { 0 };
            bytes.extend(self.frame(fin | opcode, fragment));
            opcode = CONTINUATION;
            if fin == 0 && self.below(3) == 0 {
                let (control, event) = self.control();
                bytes.extend(control);
                seen.push(event);
            }
        }
        seen.push(message);
        (bytes, seen)
    }

    fn stream(&mut self) -> (Vec<u8>, Vec<Seen>) {
        let (mut bytes, mut seen) = (Vec::new(), Vec::new());
        for _ in 0..=self.below(8) {
            let (message, events) = self.message();
            bytes.extend(message);
            seen.extend(events);
            if self.below(3) == 0 {
                let (control, event) = self.control();
                bytes.extend(control);
                seen.push(event);
            }
        }
        (bytes, seen)
    }
}

#[test]
fn what_was_encoded_comes_out_however_it_is_fragmented_and_split() {
    let mut rng = Rng::new();
    for _ in 0..100 {
        let (stream, seen) = rng.stream();
        check(stream, &seen);
    }
}

#[test]
fn a_damaged_stream_ends_the_same_way_however_it_is_split() {
    let mut rng = Rng::new();
    let tight = Bounds { frame_bytes: 200, message_bytes: 250, fragments: 3 };
    for round in 0..300 {
        let (mut stream, _) = rng.stream();
        for _ in 0..rng.below(4) {
            let at = rng.below(stream.len());
            stream[at] = rng.byte();
        }
        stream.truncate(1 + rng.below(stream.len()));
        decode_in_many_ways(if round % 2 == 0 { &BOUNDS } else { &tight }, &stream);
    }
}

#[test]
fn f24_random_bytes_do_no_harm() {
    let mut rng = Rng::new();
    for _ in 0..2_000 {
        let mut bytes = rng.bytes(300);
        if let [first, second, ..] = bytes.as_mut_slice() {
            // Else nearly all would end at the first byte.
            *first &= 0x8F;
            *second |= 0x80;
        }
        decode_in_many_ways(&BOUNDS, &bytes);
    }
}
