//! Blocks of lines, whole and cut off.

use super::Block;

#[track_caller]
fn check(text: &str, expected: &[(Option<&str>, Option<&str>)]) {
    let mut lines = text.as_bytes();
    let mut found = Vec::new();
    while let Some(Block { id, data }) = Block::read(&mut lines).expect("a text can be read") {
        found.push((id, data));
    }
    let found: Vec<_> = found.iter().map(|(id, data)| (id.as_deref(), data.as_deref())).collect();
    assert_eq!(found, expected);
}

#[test]
fn blocks_are_read_as_the_standard_says() {
    check("", &[]);
    check("id: n1.1.7\nevent: stats\ndata: {}\n\n", &[(Some("n1.1.7"), Some("{}"))]);
    check("retry: 1000\nid: a\n\n", &[(Some("a"), None)]);
    check(":\nid: a\n\n:\n\ndata:x\n\n", &[(Some("a"), None), (None, None), (None, Some("x"))]);
    check("data: 1\r\ndata:  2\r\n\r\n", &[(None, Some("1\n 2"))]);
    check("data\nid\n\n", &[(Some(""), Some(""))]);
}

#[test]
fn what_is_cut_off_does_not_count() {
    check("id: a\ndata: 1\n\nid: b\ndata: 2\n", &[(Some("a"), Some("1"))]);
    check("id: a\ndata: 1\n\nid: b\ndata: 2", &[(Some("a"), Some("1"))]);
}
