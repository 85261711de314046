//! Tests of what is counted.

use super::Seen;

#[test]
fn what_nodes_ask_for_a_user_is_counted_and_what_scripts_send() {
    let mut seen = Seen::default();
    for line in [
        r#"1700000000.1 [0 127.0.0.1:40000] "EVALSHA" "ab" "6" "x:{7}:user:bench-1" "all""#,
        r#"1700000000.2 [0 lua] "XADD" "x:{7}:stream:bench-1" "1-0" "m" "text""#,
        r#"1700000000.3 [0 lua] "SPUBLISH" "x:{7}:mail:n1.1" "1 m{\"user\":\"bench-1\"}""#,
        r#"1700000000.4 [0 127.0.0.1:40000] "SPUBLISH" "x:{7}:mail:n1.1" "3 ?""#,
        r#"1700000000.5 [0 127.0.0.1:40000] "EVALSHA" "cd" "4" "x:{7}:lease" "n1.1""#,
        r#"1700000000.6 [0 127.0.0.1:40000] "EXISTS" "x:{7}:user:bench-1""#,
    ] {
        seen.note(line, "bench-");
    }
    assert_eq!(seen, Seen { calls: 1, notices: 1 });
}
