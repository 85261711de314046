//! The file: what is wrong in it, by line.

use expect_test::expect;

use super::{Said, check_file, resolve};

#[test]
fn c1_an_unknown_key_is_told_with_its_line_and_the_nearest_one() {
    let file = r#"
listn = "0.0.0.0:7328"
frobnicate = 1
ping = "30s"

[session]
resume_windw = "2m"
"odd\nname" = 1
listen = "0.0.0.0:7328"
window = "20s"

[limits]
frame_byte = "1KiB"

[api]
key = 1
listen = "127.0.0.1:7329"
"#;
    check_file(
        file,
        expect![[r#"
            conf/usher.toml:2: unknown key `listn`; did you mean listen?
            conf/usher.toml:3: unknown key `frobnicate`
            conf/usher.toml:4: unknown key `ping`; it belongs in [session]
            conf/usher.toml:7: unknown key `resume_windw` in [session]; did you mean resume_window?
            conf/usher.toml:8: unknown key `odd\nname` in [session]
            conf/usher.toml:9: unknown key `listen` in [session]; it belongs at the top, before any section
            conf/usher.toml:10: unknown key `window` in [session]; it belongs in [drain]
            conf/usher.toml:13: unknown key `frame_byte` in [limits]; did you mean frame_bytes?
            conf/usher.toml:16: unknown key `key` in [api]; did you mean keys?
        "#]],
    );
}

#[test]
fn c1_an_unknown_section_is_told_with_its_line_and_the_nearest_one() {
    check_file(
        "[sesion]\nping = \"30s\"\n[engine]\nurl = \"memory:\"\n[[places]]\n",
        expect![[r#"
            conf/usher.toml:1: unknown section [sesion]; did you mean [session]?
            conf/usher.toml:5: unknown section [places]
        "#]],
    );
    check_file(
        "session = 3\n[[drain]]\nwindow = \"1s\"\n[listen]\na = 1\n",
        expect![[r#"
            conf/usher.toml:1: session must be a section, written once as [session]
            conf/usher.toml:2: drain must be a section, written once as [drain]
            conf/usher.toml:4: listen must be a string or a list of strings, not a table
        "#]],
    );
}

#[test]
fn c1_a_key_or_section_that_is_there_twice_is_told() {
    check_file(
        "shards = 1\nshards = 2\n",
        expect![[r#"
            conf/usher.toml:2: shards is there twice
        "#]],
    );
    check_file(
        "[session]\nping = \"30s\"\n[session]\npong_wait = \"5s\"\n",
        expect![[r#"
            conf/usher.toml:3: session is there twice
        "#]],
    );
    check_file(
        "[session]\nping = \"30s\"\nping = \"31s\"\n",
        expect![[r#"
            conf/usher.toml:3: ping is there twice
        "#]],
    );
}

#[test]
fn c1_what_is_not_toml_is_told_by_line_without_the_text() {
    check_file(
        "listen = \n",
        expect![[r#"
            conf/usher.toml:1: not TOML: string values must be quoted, expected literal string
        "#]],
    );
    check_file(
        "[[api.keys]]\nname = \"a\"\nkey = 0123456789abcdef\n",
        expect![[r#"
            conf/usher.toml:3: not TOML: unexpected leading zero
        "#]],
    );
    check_file(
        "[[api.keys]]\nkey = \"0123456789abcdef\n[session]\n",
        expect![[r#"
            conf/usher.toml:2: not TOML: invalid basic string, expected `"`
        "#]],
    );
    check_file(
        "[session\nping = 1\n",
        expect![[r#"
            conf/usher.toml:1: not TOML: unclosed table, expected `]`
        "#]],
    );
}

#[test]
fn c1_a_wrong_type_is_told_with_what_is_right() {
    let file = r#"
listen = 7328
public_url = ["wss://a"]
allowed_origins = [
  "https://a.example",
  7,
]
shards = "4"
[node]
name = true
[session]
ping = 30
pong_wait = "10"
max_age = { days = 3 }
resume_window = "1s1m"
[limits]
frame_bytes = "64KB"
fragments = 1.5
outbox_frames = [1]
stream_bytes = 1979-05-27
"#;
    check_file(
        file,
        expect![[r#"
            conf/usher.toml:2: listen must be a string or a list of strings, not an integer
            conf/usher.toml:3: public_url must be a string, not a list
            conf/usher.toml:6: allowed_origins must have strings in the list, not an integer
            conf/usher.toml:8: shards must be a whole number, not a string
            conf/usher.toml:10: node.name must be a string, not a boolean
            conf/usher.toml:12: session.ping must be a duration such as "30s", not an integer
            conf/usher.toml:13: session.pong_wait must be a duration such as "30s"
            conf/usher.toml:14: session.max_age must be a duration such as "30s", not a table
            conf/usher.toml:15: session.resume_window must be a duration such as "30s"
            conf/usher.toml:17: limits.frame_bytes must be a size such as "64KiB"
            conf/usher.toml:18: limits.fragments must be a whole number, not a number with a point
            conf/usher.toml:19: limits.outbox_frames must be a whole number, not a list
            conf/usher.toml:20: limits.stream_bytes must be a size such as "64KiB", not a date
        "#]],
    );
}

#[test]
fn c3_a_listen_address_is_an_ip_address_and_a_port() {
    check_file(
        "listen = \"localhost:7328\"\n",
        expect![[r#"
        conf/usher.toml:1: listen must be an IP address and a port, such as "0.0.0.0:7328" or "[::]:7328"
    "#]],
    );
    check_file(
        "listen = [\n\"127.0.0.1:7328\",\n\"0.0.0.0:70000\"]\n",
        expect![[r#"
        conf/usher.toml:3: listen must be an IP address and a port, such as "0.0.0.0:7328" or "[::]:7328"
    "#]],
    );
    check_file(
        "listen = [\"[::]:1\", \"[::]:1\"]\n",
        expect![[r#"
        conf/usher.toml:1: listen must have each address once, and [::]:1 is twice
    "#]],
    );
    check_file(
        "listen = []\n",
        expect![[r#"
        conf/usher.toml:1: listen must have at least one address
    "#]],
    );
}

#[test]
fn c5_all_origins_are_refused_and_so_are_things_that_are_no_origin() {
    check_file(
        "allowed_origins = [\n  \"https://a.example\",\n  \"*\",\n]\n",
        expect![[r#"
        conf/usher.toml:3: allowed_origins must not be "*", by which any page on the web could act for its visitors; list the origins of your pages, such as "https://app.example.com", or give tickets an origin
    "#]],
    );
    check_file(
        "allowed_origins = \"*\"\n",
        expect![[r#"
        conf/usher.toml:1: allowed_origins must not be "*", by which any page on the web could act for its visitors; list the origins of your pages, such as "https://app.example.com", or give tickets an origin
    "#]],
    );
    check_file(
        "allowed_origins = [\"https://*.example.com\"]\n",
        expect![[r#"
            conf/usher.toml:1: allowed_origins must be scheme://host or scheme://host:port in lower case, without a path, as browsers send it
        "#]],
    );
    check_file(
        "allowed_origins = [\"https://a.example/\"]\n",
        expect![[r#"
            conf/usher.toml:1: allowed_origins must be scheme://host or scheme://host:port in lower case, without a path, as browsers send it
        "#]],
    );
    check_file(
        "allowed_origins = [\"null\"]\n",
        expect![[r#"
            conf/usher.toml:1: allowed_origins must be scheme://host or scheme://host:port in lower case, without a path, as browsers send it
        "#]],
    );
}

#[test]
fn c6_values_out_of_range_are_refused_with_both_bounds() {
    let file = r#"
shards = 0
[session]
ticket_ttl = "11m"
resume_window = "0s"
max_age = "366d"
ping = "999ms"
pong_wait = "2m"
[drain]
window = "1h"
[limits]
frame_bytes = 100
fragments = -1
frames_burst = 99999999999999999999
outbox_bytes = "64KiB"
failed_keys_per_minute = 10
"#;
    check_file(
        file,
        expect![[r#"
        conf/usher.toml:2: shards must be 1 to 256, not 0
        conf/usher.toml:4: session.ticket_ttl must be 1s to 10m, not 11m
        conf/usher.toml:5: session.resume_window must be 1s to 1d, not 0s
        conf/usher.toml:6: session.max_age must be 1m to 365d, not 366d
        conf/usher.toml:7: session.ping must be 1s to 10m, not 999ms
        conf/usher.toml:8: session.pong_wait must be 1s to 1m, not 2m
        conf/usher.toml:10: drain.window must be 0s to 10m, not 1h
        conf/usher.toml:12: limits.frame_bytes must be 1KiB to 1MiB, not 100B
        conf/usher.toml:13: limits.fragments must be 1 to 1024
        conf/usher.toml:14: limits.frames_burst must be 1 to 100000
        conf/usher.toml:15: limits.outbox_bytes must be 80KiB to 64MiB, not 64KiB
        conf/usher.toml:16: limits.failed_keys_per_minute must be 60 to 60000, not 10
    "#]],
    );
}

#[test]
fn c6_values_that_contradict_each_other_are_refused_with_both_named() {
    check_file(
        "[limits]\noutbox_bytes = \"768KiB\"\n",
        expect![[r#"
            conf/usher.toml:2: limits.outbox_bytes (768KiB) must be at most half of limits.stream_bytes (1MiB, default)
        "#]],
    );
    check_file(
        "[limits]\nstream_bytes = \"256KiB\"\n",
        expect![[r#"
            conf/usher.toml:2: limits.outbox_bytes (256KiB, default) must be at most half of limits.stream_bytes (256KiB)
        "#]],
    );
    check_file(
        "[limits]\n\noutbox_bytes = \"2MiB\"\nstream_bytes = \"3MiB\"\n",
        expect![[r#"
            conf/usher.toml:3: limits.outbox_bytes (2MiB) must be at most half of limits.stream_bytes (3MiB, conf/usher.toml:4)
        "#]],
    );
    check_file(
        "[limits]\nstream_messages = 64\n",
        expect![[r#"
            conf/usher.toml:2: limits.outbox_frames (256, default) must be at most half of limits.stream_messages (64)
        "#]],
    );
    check_file(
        "[limits]\nframe_bytes = \"512KiB\"\n",
        expect![[r#"
            conf/usher.toml:2: limits.frame_bytes (512KiB) must be at most limits.outbox_bytes (256KiB, default)
        "#]],
    );
    check_file(
        "[session]\nmax_age = \"1m\"\n",
        expect![[r#"
            conf/usher.toml:2: session.resume_window (2m, default) must be at most session.max_age (1m)
        "#]],
    );
    check_file("[limits]\noutbox_bytes = \"1MiB\"\nstream_bytes = \"2MiB\"\n", expect![]);
}

#[test]
fn c12_a_public_url_has_no_password_and_is_not_repeated() {
    let wrong: String = [
        "https://ws.example.com",
        "wss://ws.example.com/",
        "wss://user:0123456789@ws.example.com",
        "wss://ws.example.com?x=1",
        "wss://ws.example.com:70000",
        "wss://WS.example.com",
        "wss://",
    ]
    .iter()
    .map(|url| format!("public_url = \"{url}\"\n"))
    .filter_map(|file| resolve(Said { file: &file, ..Said::default() }).err())
    .collect();
    expect![[r#"
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
        conf/usher.toml:1: public_url must be wss://host or wss://host:port (or ws://) in lower case, without a user, path or query
    "#]].assert_eq(&wrong);
}

#[test]
fn right_values_arrive_in_the_configuration() {
    let file = r#"
listen = ["127.0.0.1:1", "[::1]:2"]
public_url = "ws://[::1]:7328"
allowed_origins = "https://a.example"
shards = 3
node.name = "n1"
session = { ping = "1m30s", ticket_ttl = "5s" }
[limits]
frame_bytes = 0x1_000
failed_keys_per_minute = 120
"#;
    let config = resolve(Said { file, ..Said::default() }).unwrap().config;
    expect![[r#"[127.0.0.1:1, [::1]:2] Some("ws://[::1]:7328") [Origin("https://a.example")] 3 n1 90s 5s 4096 Rate { per_second: 2, burst: 120 }"#]].assert_eq(&format!(
        "{:?} {:?} {:?} {} {} {:?} {:?} {} {:?}",
        config.listen,
        config.public_url,
        config.allowed_origins,
        config.shards,
        config.node,
        config.session.ping,
        config.session.ticket_ttl,
        config.limits.frame_bytes,
        config.limits.failed_keys,
    ));
}
