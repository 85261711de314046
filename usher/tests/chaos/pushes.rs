//! Pushes: what Redis says unasked, taken out of what it says.
//!
//! A bell that does not ring is the fault that pub/sub has by itself: what was published is gone,
//! while everything else works. So frames of RESP3 have to be told apart. What is no RESP3 passes
//! as it is.

use crate::way::Bell;

/// The kind of push that carries an envelope.
const RING: &[u8] = b"smessage";

/// Where a stream of frames stands.
#[derive(Debug, Default)]
pub(crate) struct Pushes {
    /// What has come of a frame that is not whole.
    part: Vec<u8>,
    /// How many rings were missed since the bell began to miss some.
    missed: u64,
    /// Whether this is no stream of frames.
    foreign: bool,
}

impl Pushes {
    /// What passes of this piece, and of what was held back before.
    pub(crate) fn sift(&mut self, piece: &[u8], bell: Bell) -> Vec<u8> {
        if self.foreign {
            return piece.to_vec();
        }
        if bell == Bell::Rings {
            self.missed = 0;
        }
        self.part.extend_from_slice(piece);
        let mut passed = Vec::with_capacity(self.part.len());
        let mut at = 0;
        loop {
            match end_of(&self.part, at) {
                Frame::Whole(end) => {
                    let misses = is_ring(&self.part[at..end]) && self.misses(bell);
                    if !misses {
                        passed.extend_from_slice(&self.part[at..end]);
                    }
                    at = end;
                }
                Frame::Short => break,
                Frame::Foreign => {
                    self.foreign = true;
                    passed.extend_from_slice(&self.part[at..]);
                    at = self.part.len();
                    break;
                }
            }
        }
        self.part.drain(..at);
        passed
    }

    fn misses(&mut self, bell: Bell) -> bool {
        let misses = match bell {
            Bell::Rings => false,
            Bell::Silent => true,
            Bell::Misses(most) => self.missed < most,
        };
        self.missed += u64::from(misses);
        misses
    }
}

/// A ring that carries an envelope; what a node sends to itself to hear whether it comes does not
/// count, as its silence would be noticed at once.
fn is_ring(frame: &[u8]) -> bool {
    let is_message = frame.starts_with(b">") && frame.windows(RING.len()).any(|part| part == RING);
    is_message && !frame.ends_with(b" ?\r\n")
}

enum Frame {
    /// It ends before this.
    Whole(usize),
    Short,
    Foreign,
}

/// Where the frame ends that begins at `at`.
fn end_of(bytes: &[u8], at: usize) -> Frame {
    let Some(&kind) = bytes.get(at) else { return Frame::Short };
    let Some(length) = bytes[at..].windows(2).position(|two| two == b"\r\n") else {
        return if b"+-:$*%~>|_#,(=!".contains(&kind) { Frame::Short } else { Frame::Foreign };
    };
    let (line, mut end) = (&bytes[at + 1..at + length], at + length + 2);
    let number = || str::from_utf8(line).ok().and_then(|text| text.parse::<i64>().ok());
    let many = match kind {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => return Frame::Whole(end),
        b'$' | b'=' | b'!' => {
            let Some(length) = number() else { return Frame::Foreign };
            let Ok(length) = usize::try_from(length) else { return Frame::Whole(end) };
            end += length + 2;
            return if bytes.len() >= end { Frame::Whole(end) } else { Frame::Short };
        }
        b'*' | b'~' | b'>' => number(),
        b'%' | b'|' => number().map(|pairs| pairs * 2),
        _ => return Frame::Foreign,
    };
    let Some(many) = many else { return Frame::Foreign };
    for _ in 0..many {
        match end_of(bytes, end) {
            Frame::Whole(next) => end = next,
            other => return other,
        }
    }
    Frame::Whole(end)
}

#[test]
fn only_rings_are_taken_out_wherever_pieces_are_cut() {
    let ring = b">3\r\n$8\r\nsmessage\r\n$3\r\nbox\r\n$6\r\n1 m1 0\r\n";
    let proof = b">3\r\n$8\r\nsmessage\r\n$3\r\nbox\r\n$3\r\n1 ?\r\n";
    let reply = b"*2\r\n+OK\r\n%1\r\n:1\r\n_\r\n";
    let all = [&ring[..], reply, proof, ring, ring].concat();
    for cut in 0..all.len() {
        let sifted = |bell| {
            let mut pushes = Pushes::default();
            [pushes.sift(&all[..cut], bell), pushes.sift(&all[cut..], bell)].concat()
        };
        assert_eq!(sifted(Bell::Rings), all);
        assert_eq!(sifted(Bell::Silent), [&reply[..], proof].concat());
        assert_eq!(sifted(Bell::Misses(2)), [&reply[..], proof, ring].concat());
    }
    let other = b"HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(Pushes::default().sift(other, Bell::Silent), other);
}
