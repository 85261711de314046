//! Every target with its seeds and with damaged copies of them, as on a very short run of a fuzzer.
//!
//! Fuzzers keep what reaches new code; this has no such memory, but it runs everywhere and with
//! every change. A seed is a finding of old or an example of a form that is worth starting from.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::dice::Dice;

type Check = fn(&[u8]);

/// All targets, by the names of their fuzzers and of the folders of their seeds.
const TARGETS: [(&str, Check); 5] = [
    ("body", super::body),
    ("codec", super::codec),
    ("frame", super::frame),
    ("handshake", super::handshake),
    ("word", super::word),
];

/// Damaged copies that are tried of one target's seeds.
const COPIES: usize = 2_000;

/// Changes to one copy.
const CHANGES_MAX: usize = 6;

/// How long a copy may become: long enough for the bounds of a head to be met.
const COPY_BYTES_MAX: usize = 20_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files in a folder, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Shows an input that a check did not get through.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the input: b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn try_one(check: Check, input: &[u8]) {
    let _shown = Shown(input);
    check(input);
}

/// A copy of one of the seeds, damaged.
fn damaged(dice: &mut Dice, seeds: &[(String, Vec<u8>)], words: &[Vec<u8>]) -> Vec<u8> {
    let mut copy = seeds[dice.below(seeds.len())].1.clone();
    for _ in 0..=dice.below(CHANGES_MAX) {
        let at = dice.below(copy.len() + 1);
        let end = (at + 1 + dice.below(20)).min(copy.len());
        let part = copy[at..end].to_vec();
        match dice.below(7) {
            0 => drop(copy.splice(at..end, [])),
            1 => drop(copy.splice(at..end, part.repeat(1 + dice.below(40)))),
            2 => drop(copy.splice(at..at, dice.bytes(9))),
            3 => drop(copy.splice(at..end, words[dice.below(words.len())].iter().copied())),
            4 => drop(copy.splice(at..at, words[dice.below(words.len())].iter().copied())),
            5 => {
                let other = &seeds[dice.below(seeds.len())].1;
                copy.splice(at.., other[dice.below(other.len() + 1)..].iter().copied());
            }
            _ => copy[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        }
    }
    copy.truncate(COPY_BYTES_MAX);
    copy
}

/// The words of a dictionary, in the form that libFuzzer reads.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let lines = dictionary.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let quoted = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            word(quoted.unwrap_or_else(|| panic!("no word: {line}")))
        })
        .collect()
}

fn word(quoted: &str) -> Vec<u8> {
    let (mut word, mut rest) = (Vec::new(), quoted.as_bytes());
    loop {
        rest = match rest {
            [] => return word,
            [b'\\', b'x', high, low, after @ ..] => {
                let digits = [*high, *low].map(char::from).map(|digit| digit.to_digit(16).unwrap());
                word.push(u8::try_from(digits[0] * 16 + digits[1]).unwrap());
                after
            }
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

#[track_caller]
fn check_target(name: &str) {
    let (_, check) = TARGETS.into_iter().find(|(target, _)| *target == name).unwrap();
    let seeds = files(&folder().join("seeds").join(name));
    assert!(!seeds.is_empty());
    for (seed, input) in &seeds {
        println!("seed {seed}");
        try_one(check, input);
    }
    try_one(check, b"");
    let dictionary = fs::read_to_string(folder().join(format!("dictionaries/{name}.dict")));
    let words = words(&dictionary.unwrap());
    let mut dice = Dice::printed();
    for _ in 0..COPIES {
        try_one(check, &damaged(&mut dice, &seeds, &words));
    }
}

#[test]
fn bodies_are_taken_strictly_or_refused_in_a_sentence() {
    check_target("body");
}

#[test]
fn the_codec_sees_what_the_oracle_sees_however_bytes_are_split() {
    check_target("codec");
}

#[test]
fn frames_of_sessions_are_read_as_they_are_written() {
    check_target("frame");
}

#[test]
fn what_is_taken_for_a_handshake_is_one() {
    check_target("handshake");
}

#[test]
fn words_are_written_as_they_were_read() {
    check_target("word");
}

#[test]
fn there_is_a_fuzzer_with_seeds_and_a_dictionary_for_each_target() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let in_folder = |name: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder().join(name)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    for place in ["fuzz_targets", "seeds", "dictionaries"] {
        assert_eq!(in_folder(place), names, "{place}");
    }
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for name in names {
        let fuzzer = fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(fuzzer.contains(&format!("server::fuzzing::{name}(input)")), "{name}");
        let path = format!("path = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&path), "{name} is no binary of fuzz/Cargo.toml");
    }
}

#[test]
fn a_dictionary_is_read_as_fuzzers_read_it() {
    let text = "# a comment\n\n\"plain\"\n\"\\x00\\xffa\"\n\"a\\\"b\"\n\"\\\\x41\\\\\"\n";
    let expected: [&[u8]; 4] = [b"plain", b"\x00\xffa", b"a\"b", b"\\x41\\"];
    assert_eq!(words(text), expected);
}
