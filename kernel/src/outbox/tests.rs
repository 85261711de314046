//! What waits, what is dropped, and that no frame is ever cut.

use super::*;

const BOUNDS: Bounds = Bounds { frames: 4, bytes: 20 };

fn frame(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn shown(outbox: &Outbox) -> String {
    let slices = outbox.slices().map(|slice| std::str::from_utf8(slice).unwrap());
    slices.collect::<Vec<_>>().join(" ")
}

/// Words: `abc` is a frame, `~abc` a volatile one, `-3` takes three bytes, `^abc` is the rest of a
/// begun frame, `!` drops all but the begun one. `expected` is what waits; `#` marks what was full.
fn check(script: &str, expected: &str) {
    let (mut outbox, mut full) = (Outbox::default(), String::new());
    for word in script.split_whitespace() {
        let (kind, rest) = word.split_at(1);
        let fits = match kind {
            "~" => outbox.push_volatile(frame(rest), &BOUNDS),
            "-" => {
                outbox.took(rest.parse().unwrap());
                true
            }
            "^" => {
                outbox.push_rest(frame(rest));
                true
            }
            "!" => {
                outbox.keep_begun();
                true
            }
            _ => outbox.push(frame(word), &BOUNDS).is_ok(),
        };
        if !fits {
            full.push_str(" #");
            full.push_str(word);
        }
    }
    assert_eq!(format!("{}{full}", shown(&outbox)), expected);
    assert_eq!(outbox.is_empty(), shown(&outbox).is_empty());
}

#[test]
fn frames_wait_in_order() {
    check("aaa ~bb c", "aaa bb c");
    check("aaa bb -1 -2", "bb");
    check("aaa bb -4", "b");
    check("aaa bb -5", "");
    check("aaa bb -0", "aaa bb");
}

#[test]
fn the_queue_is_bounded_by_frames() {
    check("a b c d e", "a b c d #e");
    check("a b c d ~e", "a b c d #~e");
    check("a b c d -1 e", "b c d e");
}

#[test]
fn the_queue_is_bounded_by_bytes() {
    check("aaaaaaaaaa bbbbbbbbbb c", "aaaaaaaaaa bbbbbbbbbb #c");
    check("aaaaaaaaaa bbbbbbbbb c", "aaaaaaaaaa bbbbbbbbb c");
    check("aaaaaaaaaa bbbbbbbbbb -10 c", "bbbbbbbbbb c");
}

#[test]
fn a_frame_larger_than_all_fits_an_empty_queue_only() {
    check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa #b");
    check("b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b #aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    check("~b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

#[test]
fn volatile_frames_go_when_another_needs_the_room() {
    check("~a b ~c d e", "b d e");
    check("~a ~b ~c ~d e", "e");
    check("~a b ~c d ~e", "a b c d #~e");
}

#[test]
fn a_begun_frame_is_not_dropped() {
    check("~aaa b ~c d -1 e", "aa b d e");
    check("~aaa b ~c d -3 ~e f", "b d f");
    check("^aa ~b ~c ~d e", "aa e");
}

#[test]
fn the_rest_of_a_begun_frame_comes_first() {
    check("bb c ^aa", "aa bb c");
    check("bb c ^aa -1", "a bb c");
    check("bb c ^aa -3", "b c");
}

#[test]
fn only_a_begun_frame_is_kept_at_the_end() {
    check("aaa bb -1 !", "aa");
    check("aaa bb !", "");
    check("aaa bb -3 !", "");
    check("bb ^aaa !", "aaa");
}

#[test]
#[should_panic(expected = "no more than it is given")]
fn a_socket_that_took_more_than_waits_is_a_bug() {
    check("aaa -4", "");
}

/// A list of whole frames, of which a socket took some bytes.
#[derive(Default)]
struct Model {
    frames: Vec<(String, bool)>,
    taken: usize,
}

impl Model {
    fn fits(&self, frame: &str) -> bool {
        let bytes: usize = self.frames.iter().map(|(frame, _)| frame.len()).sum();
        self.frames.is_empty()
            || (self.frames.len() < BOUNDS.frames && bytes + frame.len() <= BOUNDS.bytes)
    }

    fn push(&mut self, frame: &str, volatile: bool) -> bool {
        if !volatile && !self.fits(frame) {
            let begun = self.taken > 0;
            let mut nth = 0;
            self.frames.retain(|(_, volatile)| {
                nth += 1;
                (begun && nth == 1) || !volatile
            });
        }
        let fits = self.fits(frame);
        if fits {
            self.frames.push((frame.to_owned(), volatile));
        }
        fits
    }

    fn took(&mut self, bytes: usize) {
        self.taken += bytes;
        while self.frames.first().is_some_and(|(frame, _)| frame.len() <= self.taken) {
            self.taken -= self.frames.remove(0).0.len();
        }
    }

    fn bytes(&self) -> String {
        let all: String = self.frames.iter().map(|(frame, _)| frame.as_str()).collect();
        all[self.taken..].to_owned()
    }
}

#[test]
fn it_does_what_a_list_of_frames_would() {
    for seed in 1..=200_u64 {
        let mut state = seed;
        let mut dice = |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % n).unwrap()
        };
        let (mut outbox, mut model) = (Outbox::default(), Model::default());
        for n in 0..200 {
            let text = char::from(b'a' + n % 26).to_string().repeat(1 + dice(12));
            match dice(4) {
                0 => {
                    let fits = outbox.push(frame(&text), &BOUNDS).is_ok();
                    assert_eq!(fits, model.push(&text, false), "seed {seed}");
                }
                1 => {
                    let fits = outbox.push_volatile(frame(&text), &BOUNDS);
                    assert_eq!(fits, model.push(&text, true), "seed {seed}");
                }
                _ => {
                    let bytes = dice(1 + model.bytes().len() as u64);
                    outbox.took(bytes);
                    model.took(bytes);
                }
            }
            assert_eq!(shown(&outbox).replace(' ', ""), model.bytes(), "seed {seed}");
            let whole: usize = model.frames.iter().map(|(frame, _)| frame.len()).sum();
            assert_eq!(outbox.bytes(), whole, "seed {seed}");
            assert!(outbox.slices().count() <= BOUNDS.frames, "seed {seed}");
        }
    }
}
