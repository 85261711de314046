//! A message that is sent again under its key is accepted once.

use std::time::Duration;

use expect_test::expect;

use protocol::limit;

use super::{check, check_with, trace};
use crate::registry::Terms;

#[test]
fn the_same_message_under_the_same_key_is_told_again_a8() {
    check(
        "mint 1 alice; admit 1 s1
         send alice key=a print=1
         mint 2 alice; admit 2 s2
         send alice key=a print=1
         read alice 0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice key=a print=1
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            mint 2 alice
            admit 2 s2
              s2#1 r2 after @1.1 joined @1.1
            send alice key=a print=1
              @1.1, 1 live, 0 parked, m1 again
            read alice 0
              [@1.1] until @1.1
        "#]],
    );
}

#[test]
fn another_message_under_the_same_key_is_refused_a8() {
    check(
        "mint 1 alice; admit 1 s1
         send alice key=a print=1
         send alice key=a print=2
         read alice 0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice key=a print=1
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            send alice key=a print=2
              KeyReused
            read alice 0
              [@1.1] until @1.1
        "#]],
    );
}

#[test]
fn a_key_belongs_to_its_sender_and_recipient() {
    check(
        "mint 1 alice; admit 1 s1; mint 2 bob; admit 2 s2
         send alice key=a print=1
         send bob key=a print=2
         send alice key=a print=3 by=bob
         send alice key=a print=4 by=carol
         send alice key=a print=5 echo=bob",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            mint 2 bob
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            send alice key=a print=1
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            send bob key=a print=2
              @2.1, 1 live, 0 parked
              -> n1 bob: message @2.1 to All
            send alice key=a print=3 by=bob
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to All
            send alice key=a print=4 by=carol
              @1.3, 1 live, 0 parked
              -> n1 alice: message @1.3 to All
            send alice key=a print=5 echo=bob
              @1.4, 1 live, 0 parked
              -> n1 alice: message @1.4 to All
        "#]],
    );
}

#[test]
fn a_message_to_nobody_has_its_key_remembered_too() {
    check(
        "send alice key=a print=1
         mint 1 alice; admit 1 s1
         send alice key=a print=1",
        &expect![[r#"
            send alice key=a print=1
              no position, 0 live, 0 parked
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice key=a print=1
              no position, 0 live, 0 parked, m1 again
        "#]],
    );
}

#[test]
fn a_key_is_forgotten_after_ten_minutes() {
    check(
        "send alice key=a print=1; held; +599s
         send alice key=a print=1; +1s
         send alice key=a print=2; held; +600s; sweep; held",
        &expect![[r#"
            send alice key=a print=1
              no position, 0 live, 0 parked
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 1, blocks: 0 }
            +599s
            send alice key=a print=1
              no position, 0 live, 0 parked, m1 again
            +1s
            send alice key=a print=2
              no position, 0 live, 0 parked
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 1, blocks: 0 }
            +600s
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn a_key_too_many_is_refused_and_none_forgotten() {
    let terms = Terms { keys: 2, resume_window: Duration::from_secs(120), ..Terms::default() };
    check_with(
        terms,
        "send alice key=a; send alice key=b; send alice key=c; send alice key=a; send alice
         +600s; send alice key=c",
        &expect![[r#"
            send alice key=a
              no position, 0 live, 0 parked
            send alice key=b
              no position, 0 live, 0 parked
            send alice key=c
              TooManyKeys
            send alice key=a
              no position, 0 live, 0 parked, m1 again
            send alice
              no position, 0 live, 0 parked
            +600s
            send alice key=c
              no position, 0 live, 0 parked
        "#]],
    );
}

#[test]
fn keys_of_sessions_leave_half_of_the_room_to_backends() {
    let terms = Terms { keys: 4, ..Terms::default() };
    check_with(
        terms,
        "send alice key=a by=bob; send alice key=b by=carol; send alice key=c by=carol
         send alice key=a by=bob; send alice key=d; send alice key=e; send alice key=f
         +600s; send alice key=c by=carol; held",
        &expect![[r#"
            send alice key=a by=bob
              no position, 0 live, 0 parked
            send alice key=b by=carol
              no position, 0 live, 0 parked
            send alice key=c by=carol
              TooManyKeys
            send alice key=a by=bob
              no position, 0 live, 0 parked, m1 again
            send alice key=d
              no position, 0 live, 0 parked
            send alice key=e
              no position, 0 live, 0 parked
            send alice key=f
              TooManyKeys
            +600s
            send alice key=c by=carol
              no position, 0 live, 0 parked
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 1, blocks: 0 }
        "#]],
    );
}

#[test]
fn a_sender_has_room_for_its_latest_keys_only() {
    let most = limit::KEYS_PER_SENDER_MAX;
    let terms = Terms { keys: 2 * most, ..Terms::default() };
    let mut script: String = (0..=most).map(|n| format!("send a key={n} by=bob;")).collect();
    script += "held; send a key=1 by=bob; send a key=0 by=bob";
    let trace = trace(terms, &script);
    let (_, last) = trace.split_at(trace.find("held").unwrap());
    expect![[r#"
        held
          Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 256, blocks: 0 }
        send a key=1 by=bob
          no position, 0 live, 0 parked, m2 again
        send a key=0 by=bob
          no position, 0 live, 0 parked
    "#]]
    .assert_eq(last);
}
