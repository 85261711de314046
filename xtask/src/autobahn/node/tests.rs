//! First lines, and where they say that the echo is.

use super::{echo_url, first_line};

#[test]
fn the_echo_is_beside_the_endpoint_that_the_node_tells() {
    for (line, expected) in [
        (r#"{"websocket":"ws://127.0.0.1:4242/v1/connect"}"#, Some("ws://127.0.0.1:4242/echo")),
        (r#"{"http": "x", "websocket" : "ws://[::1]:80"}"#, Some("ws://[::1]:80/echo")),
        (r#"{"websocket":null}"#, None),
        (r#"{"websocket":"http://127.0.0.1"}"#, None),
        ("listening on 4242", None),
        ("", None),
    ] {
        assert_eq!(echo_url(line).as_deref(), expected, "{line}");
    }
}

#[test]
fn only_the_first_line_is_told() {
    assert_eq!(first_line(&b"one\ntwo\n"[..]).as_deref(), Some("one\n"));
    assert_eq!(first_line(&b""[..]).as_deref(), Some(""));
}
