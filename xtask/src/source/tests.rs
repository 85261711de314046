//! Pieces of Rust and the tokens that they are.

use super::{Kind, code, shipped, tokens, words};

fn check(text: &str, expected: &[&str]) {
    let got: Vec<&str> = code(text).iter().map(|token| token.text).collect();
    assert_eq!(got, expected, "{text}");
}

fn check_shipped(text: &str, expected: &str) {
    let got: Vec<&str> = shipped(text).iter().map(|token| token.text).collect();
    assert_eq!(got.join(" "), expected, "{text}");
}

#[test]
fn names_and_signs_are_apart() {
    check("use a::b;", &["use", "a", "::", "b", ";"]);
    check(
        "fn f<'a>(x: &'a str)",
        &["fn", "f", "<", "'a", ">", "(", "x", ":", "&", "'a", "str", ")"],
    );
    check("r#type+1_000u64", &["type", "+", "1_000u64"]);
    check("größe é", &["größe", "é"]);
}

#[test]
fn comments_are_no_code() {
    check("a // b\nc", &["a", "c"]);
    check("a /* b /* c */ d */ e", &["a", "e"]);
    check("/* never closed é", &[]);
    check("\"// no comment\" x", &["\"// no comment\"", "x"]);
}

#[test]
fn strings_are_one_token_each() {
    check(r#""a\"b" c"#, &[r#""a\"b""#, "c"]);
    check(r##"r#"a"b"# c"##, &[r##"r#"a"b"#"##, "c"]);
    check(r#"b"x" c"y" br"z" w"#, &[r#"b"x""#, r#"c"y""#, r#"br"z""#, "w"]);
    check(
        r"'a' '\'' '\u{1F600}' b'x' '_ 'é'",
        &["'a'", r"'\''", r"'\u{1F600}'", "b'x'", "'_", "'é'"],
    );
    check("\"never closed", &["\"never closed"]);
}

#[test]
fn each_token_knows_its_line() {
    let text = "a\n/* two\nlines */ b \"x\ny\" c\n// d\n";
    let lines: Vec<(usize, Kind)> = tokens(text).iter().map(|t| (t.line, t.kind)).collect();
    let expected = [
        (1, Kind::Word),
        (2, Kind::Comment),
        (3, Kind::Word),
        (3, Kind::Literal),
        (4, Kind::Word),
        (5, Kind::Comment),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_is_only_for_tests_is_not_shipped() {
    check_shipped("a; #[cfg(test)] mod tests; b", "a ; b");
    check_shipped("#[cfg(test)] mod tests { fn f() { x } } b", "b");
    check_shipped("#[cfg(test)] #[path = \"x.rs\"] pub(crate) use c::{d, e}; b", "; b");
    check_shipped("#[cfg(all(test, unix))] fn f<A, B>(a: A) -> [B; 2] { y } b", "b");
    check_shipped("struct S { #[cfg(test)] a: u8, b: u8 }", "struct S { b : u8 }");
    check_shipped("enum E { A, #[cfg(test)] B }", "enum E { A , }");
    check_shipped("#[cfg(unix)] mod a;", "# [ cfg ( unix ) ] mod a ;");
    check_shipped("#[cfg(not(test))] mod a;", "# [ cfg ( not ( test ) ) ] mod a ;");
}

#[test]
fn names_fall_into_words() {
    for (name, expected) in [
        ("outbox", "outbox"),
        ("ping_ms_max", "ping ms max"),
        ("PING_MS_MAX", "ping ms max"),
        ("CloseCode", "close code"),
        ("HTTPInbox", "http inbox"),
        ("toJSON2", "to json2"),
        ("_unused__x", "unused x"),
    ] {
        assert_eq!(words(name).join(" "), expected, "{name}");
    }
}
