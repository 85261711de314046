//! That `suite!` forgets no function.

use std::collections::BTreeSet;

#[test]
fn each_sentence_is_in_the_list() {
    let nouns = [
        include_str!("tickets.rs"),
        include_str!("admission.rs"),
        include_str!("resume.rs"),
        include_str!("delivery.rs"),
        include_str!("streams.rs"),
        include_str!("life.rs"),
        include_str!("lists.rs"),
        include_str!("room.rs"),
        include_str!("race.rs"),
        include_str!("model.rs"),
    ];
    let listed: BTreeSet<&str> = include_str!("../suite.rs").lines().map(str::trim).collect();
    let sentences = nouns.iter().flat_map(|text| text.lines()).filter_map(|line| {
        let (name, _) = line.strip_prefix("pub async fn ")?.split_once('(')?;
        Some(name)
    });
    let forgotten: Vec<_> = sentences.filter(|name| !listed.contains(name)).collect();
    assert_eq!(forgotten, Vec::<&str>::new());
}

#[test]
fn each_noun_is_in_the_list() {
    let text = include_str!("../suite.rs");
    let nouns = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let missing: Vec<_> = nouns.filter(|noun| !text.contains(&format!(" {noun} {{"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
