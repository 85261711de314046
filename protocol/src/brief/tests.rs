//! Texts, long and short.

use super::cut;

#[test]
fn a_text_is_cut_between_two_characters_and_only_if_it_is_too_long() {
    for (text, expected) in
        [("", ""), ("brief", "brief"), ("briefs", "br…"), ("éééé", "é…"), ("bré€", "br…")]
    {
        assert_eq!(cut(text.to_owned(), 5), expected, "{text}");
    }
}
