//! Tests of what is read from a node's log.

use super::address_in;

#[test]
fn the_log_says_where_it_listens() {
    let line =
        r#"{"level":"INFO","message":"listening","serves":"all","address":"127.0.0.1:41234"}"#;
    assert_eq!(address_in(line), Some(([127, 0, 0, 1], 41234).into()));
    let with_tls = line.replace("listening", "listening with TLS");
    assert_eq!(address_in(&with_tls), address_in(line));
    for line in ["", "listening", r#"{"message":"stopped"}"#, r#"{"message":"listening"}"#] {
        assert_eq!(address_in(line), None, "{line}");
    }
}
