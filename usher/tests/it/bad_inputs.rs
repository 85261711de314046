//! Bad inputs: docs/bad-inputs.md says of each what is tested, and this holds it to that.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../../docs/bad-inputs.md");

/// The sections of the page, and how many rows each has.
const IDS: [(char, usize); 5] = [('H', 30), ('F', 25), ('J', 12), ('A', 19), ('C', 14)];

/// The ids that the name of a test begins with, as in `h18_h19_a_head_is_bounded`.
fn ids(name: &str) -> impl Iterator<Item = String> {
    let is_id = |word: &&str| {
        let digits = word.strip_prefix(['h', 'f', 'j', 'a', 'c']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_uppercase)
}

/// The ids of all tests in Rust files below a folder.
fn tested_below(folder: &Path) -> BTreeSet<String> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(path) = waiting.pop() {
        let beside = path.with_extension("rs");
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("it can be listed");
            waiting.extend(entries.map(|entry| entry.expect("it can be read").path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("it can be read");
            let functions = text.lines().filter_map(|line| {
                let line = line.trim();
                line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")
            });
            found.extend(functions.flat_map(ids));
        } else if beside.is_file() {
            waiting.push(beside);
        }
    }
    found
}

#[test]
fn the_page_says_what_is_tested_and_why_the_rest_cannot_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let known = |folder: &str| -> PathBuf { root.join(folder) };
    let all: BTreeSet<String> = ["protocol", "kernel", "engine", "server", "usher"]
        .iter()
        .flat_map(|folder| tested_below(&known(folder)))
        .collect();
    let mut rows = Vec::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, input, does, place, _] = cells[..] else { panic!("{line}") };
        if id == "Id" {
            continue;
        }
        rows.push(id.to_owned());
        assert!(!input.is_empty(), "{line}");
        match place.split_once(": ") {
            Some(("tested", folders)) => {
                assert!(!does.is_empty(), "{line}");
                for folder in folders.split(", ") {
                    let folder = folder.trim_matches('`');
                    let found = tested_below(&known(folder));
                    assert!(found.contains(id), "no test of {id} in {folder}");
                }
            }
            Some(("no surface yet", why)) => {
                assert!(!why.is_empty() && !all.contains(id), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
    let expected =
        IDS.iter().flat_map(|(kind, count)| (1..=*count).map(move |n| format!("{kind}{n}")));
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
