//! Tests of what is read from a node's log.

use super::address_in;

#[test]
fn the_log_says_where_it_listens() {
    let line =
        r#"{"level":"INFO","message":"listening","serves":"all","address":"127.0.0.1:41234"}"#;
    assert_eq!(address_in(line), Some(([127, 0, 0, 1], 41234).into()));
    for line in ["", "listening", r#"{"message":"stopped"}"#, r#"{"message":"listening"}"#] {
        assert_eq!(address_in(line), None, "{line}");
    }
}
