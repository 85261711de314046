//! Variables and flags, and which of them wins.

use std::path::PathBuf;

use expect_test::expect;

use super::{
    super::{Flags, LogFormat, Place},
    SECRET, Said, check, check_environment, resolve,
};

#[test]
fn later_layers_win() {
    let (file, environment) = ("[node]\nname = \"file\"\n", &[("USHER_NODE__NAME", "env")]);
    let flags = Flags { node: Some("flag".to_owned()), ..Flags::default() };
    let node = |said| resolve(said).unwrap().config.node;
    assert_eq!(node(Said::default()), "host");
    assert_eq!(node(Said { file, ..Said::default() }), "file");
    assert_eq!(node(Said { file, environment, ..Said::default() }), "env");
    assert_eq!(node(Said { file, environment, flags, ..Said::default() }), "flag");
}

#[test]
fn every_setting_has_a_variable() {
    let environment = [
        ("USHER_LISTEN", "127.0.0.1:1, [::1]:2"),
        ("USHER_ALLOWED_ORIGINS", "https://a.example,https://b.example"),
        ("USHER_PUBLIC_URL", "wss://a.example"),
        ("USHER_SHARDS", "2"),
        ("USHER_SESSION__PING", "30s"),
        ("USHER_LIMITS__FRAME_BYTES", "100KiB"),
        ("USHER_LIMITS__BODY_BYTES", "131072"),
        ("USHER_LIMITS__FRAGMENTS", "7"),
    ];
    let said = Said { environment: &environment, ..Said::default() };
    let config = resolve(said).unwrap().config;
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.allowed_origins.len(), 2);
    assert_eq!(config.public_url.as_deref(), Some("wss://a.example"));
    assert_eq!((config.shards, config.session.ping.as_secs()), (2, 30));
    assert_eq!((config.limits.frame_bytes, config.limits.body_bytes), (102_400, 131_072));
    assert_eq!(config.limits.fragments, 7);
}

#[test]
fn the_log_can_be_chosen_under_a_name_that_is_short_to_type() {
    let log = |environment| resolve(Said { environment, ..Said::default() }).unwrap().config.log;
    assert_eq!(log(&[("USHER_LOG", "debug, hyper=off")]).filter, "debug,hyper=off");
    let both = [("USHER_LOG", "debug"), ("USHER_LOG__FILTER", "warn")];
    assert_eq!(log(&both).filter, "warn");
    let flags = Flags { log: Some("json".to_owned()), ..Flags::default() };
    let environment = &[("USHER_LOG__FORMAT", "text")][..];
    let said = Said { environment, flags, ..Said::default() };
    assert_eq!(resolve(said).unwrap().config.log.format, LogFormat::Json);
}

#[test]
fn c6_what_is_no_filter_or_format_of_the_log_is_refused() {
    check_environment(
        &[("USHER_LOG", "loud"), ("USHER_LOG__FORMAT", "xml")],
        expect![[r#"
        USHER_LOG: must be a level (off, error, warn, info, debug, trace), or levels by module with commas between them, such as "info,server=debug"
        USHER_LOG__FORMAT: must be text or json
    "#]],
    );
    for wrong in ["info,", "server=", "=info", "info=server", "server[span]=info", "a b=info"] {
        let environment = &[("USHER_LOG__FILTER", wrong)][..];
        assert!(resolve(Said { environment, ..Said::default() }).is_err(), "{wrong}");
    }
}

#[test]
fn c1_a_variable_with_two_underscores_is_known_or_wrong_and_others_are_ignored() {
    let environment = [
        ("USHER_SESION__PING", "30s"),
        ("USHER_session__ping", "30s"),
        ("USHER_SESSION__FROBNICATE", "30s"),
        ("USHER__LISTEN", "30s"),
        ("USHER_API__KEYS", SECRET),
        ("USHER_PORT", "tcp://10.0.0.1:80"),
        ("USHER_SERVICE_HOST", "10.0.0.1"),
        ("USHER_URL", "http://127.0.0.1:7328"),
        ("USHER_CONFIG", "usher.toml"),
        ("PATH", "/bin"),
        ("OTHER__THING", "1"),
    ];
    check_environment(
        &environment,
        expect![[r#"
        USHER_API__KEYS: unknown setting; give a key by USHER_KEY or USHER_KEY_FILE, or in the file
        USHER_SESION__PING: unknown setting; did you mean USHER_SESSION__PING?
        USHER_SESSION__FROBNICATE: unknown setting
        USHER__LISTEN: unknown setting; did you mean USHER_LISTEN?
        USHER_session__ping: unknown setting; did you mean USHER_SESSION__PING?
    "#]],
    );
}

#[test]
fn c1_a_wrong_value_of_a_variable_is_told_under_its_name() {
    let environment = [
        ("USHER_SESSION__PING", "30"),
        ("USHER_SESSION__MAX_AGE", "10s"),
        ("USHER_SHARDS", "many"),
        ("USHER_LIMITS__FRAGMENTS", "99999999999999999999"),
        ("USHER_LISTEN", "0.0.0.0:1,nonsense"),
        ("USHER_ALLOWED_ORIGINS", "*"),
    ];
    check_environment(
        &environment,
        expect![[r#"
            USHER_ALLOWED_ORIGINS: must not be "*", by which any page on the web could act for its visitors; list the origins of your pages, such as "https://app.example.com", or give tickets an origin
            USHER_LIMITS__FRAGMENTS: must be a whole number
            USHER_LISTEN: item 2 must be an IP address and a port, such as "0.0.0.0:7328" or "[::]:7328"
            USHER_SESSION__MAX_AGE: must be 1m to 365d, not 10s
            USHER_SESSION__PING: must be a duration such as "30s"
            USHER_SHARDS: must be a whole number
        "#]],
    );
}

#[test]
fn c6_a_contradiction_between_layers_names_both() {
    let said = Said {
        file: "[limits]\nstream_bytes = \"256KiB\"\n",
        environment: &[("USHER_LIMITS__OUTBOX_BYTES", "200KiB")],
        ..Said::default()
    };
    check(
        said,
        expect![[r#"
            USHER_LIMITS__OUTBOX_BYTES: limits.outbox_bytes (200KiB) must be at most half of limits.stream_bytes (256KiB, conf/usher.toml:2)
        "#]],
    );
}

#[test]
fn c12_an_empty_variable_is_an_error() {
    let environment =
        [("USHER_KEY", ""), ("USHER_KEY_FILE", ""), ("USHER_NODE__NAME", ""), ("USHER_PORT", "")];
    check_environment(
        &environment,
        expect![[r#"
        USHER_KEY: is empty; give it a value or unset it
        USHER_KEY_FILE: is empty; give it a value or unset it
        USHER_NODE__NAME: is empty; give it a value or unset it
    "#]],
    );
}

#[test]
fn a_value_that_is_overridden_is_checked_all_the_same() {
    let said = Said {
        file: "[session]\nping = \"0s\"\n",
        environment: &[("USHER_SESSION__PING", "30s")],
        ..Said::default()
    };
    check(
        said,
        expect![[r#"
        conf/usher.toml:2: session.ping must be 1s to 10m, not 0s
    "#]],
    );
}

#[test]
fn wrong_flags_are_told_under_their_names() {
    let flags = Flags {
        listen: vec!["0.0.0.0:1".to_owned(), "here".to_owned()],
        public_url: Some("there".to_owned()),
        node: Some("no good".to_owned()),
        engine: Some("redis://:secret@localhost:6379".to_owned()),
        log: Some("xml".to_owned()),
        key_file: Some(PathBuf::from("missing")),
    };
    check(
        Said { flags, ..Said::default() },
        expect![[r#"
            --listen: item 2 must be an IP address and a port, such as "0.0.0.0:7328" or "[::]:7328"
            --public-url: must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
            --node: must be 1 to 128 letters, digits, '-', '_' and '.', and begin with a letter or digit
            --log: must be text or json
            --key-file: cannot read missing: no such file
        "#]],
    );
}

#[test]
fn a_host_name_that_cannot_be_a_node_name_is_ignored() {
    let layers = super::Layers { host_name: Some("my host"), ..super::Layers::default() };
    let effective = layers.resolve(&super::read).unwrap();
    assert_eq!(effective.config.node, "usher");
    assert!(!effective.places.contains(&Place::HostName));
}
