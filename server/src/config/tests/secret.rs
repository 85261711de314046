//! Secrets: from where they are taken, which are refused, and that they are never shown.

use std::path::PathBuf;

use expect_test::expect;

use super::{
    super::{DEV_KEY, Flags, Key, SAMPLE_KEY, Scope, show},
    SECRET, Said, check, check_environment, check_file, resolve,
};

/// The hash of `SECRET`.
const HASH: &str = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";

#[test]
fn keys_come_from_the_file_the_environment_and_a_flag() {
    let file = format!(
        "[[api.keys]]\nname = \"text\"\nkey = \"{SECRET}-text\"\n\
         [[api.keys]]\nname = \"near\"\nkey_file = \"near\"\n\
         [[api.keys]]\nname = \"hash\"\nsha256 = \"{HASH}\"\n"
    );
    let environment = [("USHER_KEY", &*format!("{SECRET}-env"))];
    let flags = Flags { key_file: Some(PathBuf::from("/etc/usher/key")), ..Flags::default() };
    let said = Said { file: &file, environment: &environment, flags, ..Said::default() };
    let effective = resolve(said).unwrap();
    let opened: Vec<_> = ["-text", "-near", "", "-env", "-other"]
        .iter()
        .map(|end| {
            let opens = |key: &&Key| key.opens(format!("{SECRET}{end}").as_bytes());
            effective.config.keys.iter().filter(opens).map(|key| key.name()).collect::<Vec<_>>()
        })
        .collect();
    expect![[r#"[["text"], ["near"], ["hash", "flag"], ["env"], []]"#]]
        .assert_eq(&format!("{opened:?}"));
    let shown = show(&effective);
    assert!(!shown.contains("012345") && !format!("{effective:?}").contains("012345"));
    expect![[r#"
        [[api.keys]]
        name = "text"
        key = "(set)"                      # conf/usher.toml:3

        [[api.keys]]
        name = "near"
        key_file = "conf/near"             # conf/usher.toml:6

        [[api.keys]]
        name = "hash"
        sha256 = "(set)"                   # conf/usher.toml:9

        [[api.keys]]
        name = "env"
        key = "(set)"                      # USHER_KEY

        [[api.keys]]
        name = "flag"
        key_file = "/etc/usher/key"        # --key-file
    "#]]
    .assert_eq(&shown[shown.find("[[api").unwrap()..]);
}

#[test]
fn a_key_is_good_for_every_call_unless_it_is_said_to_be_for_reading() {
    let file = format!(
        "[[api.keys]]\nname = \"all\"\nkey = \"{SECRET}-all\"\nscope = \"full\"\n\
         [[api.keys]]\nname = \"look\"\nkey = \"{SECRET}-look\"\nscope = \"read\"\n"
    );
    let environment = [("USHER_KEY", &*format!("{SECRET}-env"))];
    let said = Said { file: &file, environment: &environment, ..Said::default() };
    let effective = resolve(said).unwrap();
    let scopes: Vec<_> = effective.config.keys.iter().map(|k| (&**k.name(), k.scope())).collect();
    assert_eq!(scopes, [("all", Scope::Full), ("look", Scope::Read), ("env", Scope::Full)]);
    let shown = show(&effective);
    let looks = shown.lines().filter(|line| line.contains("scope")).collect::<String>();
    assert!(looks.starts_with("scope = \"read\"") && !looks.contains("full"), "{shown}");
    check_file(
        &file.replace("\"read\"", "\"write\"").replace("\"full\"", "true"),
        expect![[r#"
        conf/usher.toml:4: scope in [[api.keys]] must be a string
        conf/usher.toml:8: scope in [[api.keys]] must be "full" or "read"
    "#]],
    );
}

#[test]
fn one_secret_is_not_good_for_two_things() {
    let key = |name, scope| {
        format!("[[api.keys]]\nname = \"{name}\"\nkey = \"{SECRET}\"\nscope = \"{scope}\"\n")
    };
    check_file(&(key("a", "full") + &key("b", "full")), expect![[""]]);
    check_file(
        &(key("a", "full") + &key("b", "read")),
        expect![[r#"
        conf/usher.toml:7: the secret is that of "a", whose scope is another
    "#]],
    );
}

#[test]
fn c1_a_key_has_a_name_and_one_secret() {
    let file = format!(
        r#"
[[api.keys]]
name = "none"
[[api.keys]]
key = "{SECRET}"
[[api.keys]]
name = "both"
key = "{SECRET}"
key_file = "near"
[[api.keys]]
name = "typo"
keyfile = "near"
[[api.keys]]
name = "type"
key = 3
[[api.keys]]
name = "no good"
key = "{SECRET}"
[[api.keys]]
name = "twice"
key = "{SECRET}"
[[api.keys]]
name = "twice"
key = "{SECRET}"
[[api.keys]]
name = "hash"
sha256 = "{SECRET}"
[[api.keys]]
name = "missing"
key_file = "missing"
"#
    );
    check_file(
        &file,
        expect![[r#"
            conf/usher.toml:2: [[api.keys]] must have one of key_file, sha256 and key
            conf/usher.toml:4: [[api.keys]] must have a name
            conf/usher.toml:6: [[api.keys]] must have one of key_file, sha256 and key
            conf/usher.toml:12: unknown key `keyfile` in [[api.keys]]; did you mean key_file?
            conf/usher.toml:15: key in [[api.keys]] must be a string
            conf/usher.toml:17: name in [[api.keys]] must be 1 to 128 letters, digits, '-', '_' and '.', and begin with a letter or digit
            conf/usher.toml:24: there is already a key named "twice", from conf/usher.toml:21
            conf/usher.toml:27: sha256 must be 64 hex digits
            conf/usher.toml:30: cannot read conf/missing: no such file
        "#]],
    );
    check_file(
        "[api]\nkeys = \"a\"\n",
        expect![[r#"
        conf/usher.toml:2: api.keys must be written as [[api.keys]]
    "#]],
    );
    check_file(
        "[api]\nkeys = [\"a\"]\n",
        expect![[r#"
        conf/usher.toml:2: api.keys must be written as [[api.keys]]
    "#]],
    );
}

#[test]
fn c4_secrets_that_can_be_guessed_are_refused_with_what_to_do() {
    check_environment(
        &[("USHER_KEY", "012345")],
        expect![[r#"
        USHER_KEY: the secret must have at least 24 bytes; make one with: openssl rand -hex 32
    "#]],
    );
    check_environment(
        &[("USHER_KEY", DEV_KEY)],
        expect![[r#"
        USHER_KEY: the secret is one that everybody knows, from usher dev or the documentation; make one with: openssl rand -hex 32
    "#]],
    );
    check_environment(
        &[("USHER_KEY", SAMPLE_KEY)],
        expect![[r#"
        USHER_KEY: the secret is one that everybody knows, from usher dev or the documentation; make one with: openssl rand -hex 32
    "#]],
    );
    check_environment(
        &[("USHER_KEY", &format!("{SECRET} {SECRET}"))],
        expect![[r#"
        USHER_KEY: the secret must be visible ASCII characters on one line; make one with: openssl rand -hex 32
    "#]],
    );
    check_environment(
        &[("USHER_KEY", SECRET), ("USHER_KEY_FILE", "/etc/usher/key")],
        expect![[r#"
        USHER_KEY_FILE: there is already a key named "env", from USHER_KEY
    "#]],
    );
    check_environment(
        &[("USHER_KEY_FILE", "two")],
        expect![[r#"
        USHER_KEY_FILE: the secret must be visible ASCII characters on one line; make one with: openssl rand -hex 32 (in two)
    "#]],
    );
    let flags = Flags { key_file: Some(PathBuf::from("empty")), ..Flags::default() };
    check(
        Said { flags, ..Said::default() },
        expect![[r#"
        --key-file: the secret is empty; make one with: openssl rand -hex 32 (in empty)
    "#]],
    );
    let file = "[[api.keys]]\nname = \"dev\"\nsha256 = \"d23a0743753fba9461784e0199787dfeb459adb1211ef03d8dff9dbfc62bfd0d\"\n";
    check_file(
        file,
        expect![[r#"
        conf/usher.toml:3: the secret is one that everybody knows, from usher dev or the documentation; make one with: openssl rand -hex 32
    "#]],
    );
}
