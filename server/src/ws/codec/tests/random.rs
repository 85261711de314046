//! Random streams: what was encoded comes out, and what was damaged does no harm.

use super::*;

/// What sessions write, drawn at random.
struct Streams(Dice);

impl Streams {
    fn printed() -> Self {
        Self(Dice::printed())
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
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

    fn control(&mut self) -> (Vec<u8>, Seen) {
        let payload = self.0.bytes(126);
        match self.below(2) {
            0 => (self.frame(PING, &payload), ping(&payload)),
            _ => (self.frame(PONG, &payload), pong(&payload)),
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8]) -> Vec<u8> {
        let key = [self.0.byte(), self.0.byte(), self.0.byte(), self.0.byte()];
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
                let payload = self.0.bytes(length);
                (BINARY, payload.clone(), binary(&payload))
            }
        };
        let mut fragments = self.0.cuts(&payload);
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
    let mut streams = Streams::printed();
    for _ in 0..100 {
        let (stream, seen) = streams.stream();
        check(stream, &seen);
    }
}

#[test]
fn a_damaged_stream_ends_the_same_way_however_it_is_split() {
    let mut streams = Streams::printed();
    for round in 0..300 {
        let (mut stream, _) = streams.stream();
        for _ in 0..streams.below(4) {
            let at = streams.below(stream.len());
            stream[at] = streams.0.byte();
        }
        stream.truncate(1 + streams.below(stream.len()));
        decode_in_many_ways(if round % 2 == 0 { &BOUNDS } else { &TIGHT }, &stream);
    }
}

#[test]
fn f24_random_bytes_do_no_harm() {
    let mut dice = Dice::printed();
    for _ in 0..2_000 {
        let mut bytes = dice.bytes(300);
        if let [first, second, ..] = bytes.as_mut_slice() {
            // Else nearly all would end at the first byte.
            *first &= 0x8F;
            *second |= 0x80;
        }
        decode_in_many_ways(&BOUNDS, &bytes);
    }
}
