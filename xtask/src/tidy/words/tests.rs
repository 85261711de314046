//! Names with and without a banned word.

use super::faults;
use crate::{tidy::tests::compare, tree::Tree};

fn check(path: &str, text: &str, expected: &[&str]) {
    let package = |folder| (folder, "[package]");
    let files = [package("server/Cargo.toml"), package("sdk/rust/Cargo.toml"), (path, text)];
    compare(&faults(&Tree::from(files)), expected);
}

#[test]
fn definitions_with_a_banned_word_are_found() {
    check(
        "server/src/lib.rs",
        "pub struct ConnectionManager;\nfn on_client() {}",
        &[
            "server/src/lib.rs:1: `ConnectionManager` contains \"connection\"; say session or socket",
            "server/src/lib.rs:2: `on_client` contains \"client\"; say session, device or SDK",
        ],
    );
    check(
        "src/lib.rs",
        "mod utils; type Hub = u8; const MAX_CHANNELS: u8 = 1;",
        &[
            "src/lib.rs:1: `utils` contains \"util\"; say the noun that is in it",
            "src/lib.rs:1: `Hub` contains \"hub\"; say node or shard",
            "src/lib.rs:1: `MAX_CHANNELS` contains \"channel\"; say topic, inbox or outbox",
        ],
    );
    check(
        "src/lib.rs",
        "let mut handler = f;",
        &["src/lib.rs:1: `handler` contains \"handler\"; say what it does"],
    );
    check(
        "src/lib.rs",
        "macro_rules! helper { () => {} }",
        &["src/lib.rs:1: `helper` contains \"helper\"; say what it does"],
    );
}

#[test]
fn names_of_others_comments_strings_and_tests_are_not_judged() {
    check("src/lib.rs", "use hyper::client::Client; fn f(x: Client) { let tx = channel(); }", &[]);
    check("src/lib.rs", "/// A client. \nfn f() -> &'static str { \"fn client()\" }", &[]);
    check("src/lib.rs", "struct Github; fn utility() {} fn commonly() {}", &[]);
    check("tests/it.rs", "fn client() {}", &[]);
    check("src/lib.rs", "#[cfg(test)] mod tests { fn client() {} }", &[]);
}

#[test]
fn an_sdk_may_be_a_client_but_no_manager() {
    check(
        "sdk/rust/src/lib.rs",
        "struct Client; struct Manager;",
        &["sdk/rust/src/lib.rs:1: `Manager` contains \"manager\"; say what it keeps or decides"],
    );
}
