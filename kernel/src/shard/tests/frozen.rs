//! Sessions whose place the node cannot vouch for.

use expect_test::expect;

use super::check;

#[test]
fn a_frozen_session_is_neither_heard_nor_sent_messages_and_then_reads_on() {
    check(
        "open a; read a; freeze; takes a; deliver 1; deliver 2; deliver -; everyone -; counts; \
         thaw; takes a; read a 1,2; deliver 3",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            freeze
            takes a
              false
            deliver 1
            deliver 2
            deliver -
            everyone -
            counts
              Counts { delivered: 0, replayed: 0, dropped: 0, gaps: Gaps { expired: 0, overflow: 0, epoch: 0 }, unknown: 0 }
            thaw
              a reads alice @0
              a is listened to
            takes a
              true
            read a 1,2
              a < @1 m1
              a < @2 m2
            deliver 3
              a < @3 m3
        "#]],
    );
}

#[test]
fn what_waits_for_a_frozen_session_that_lost_its_place_is_not_for_it() {
    check(
        "open a; read a; room a 4; deliver 1 & deliver 2; freeze; deliver 3; end a 4409 by=b",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 4
            deliver 1 & deliver 2
            freeze
            deliver 3
            end a 4409 by=b
              a < @1 m1
              a < closing 4409 by s2 on -
              a closed 4409 replaced
        "#]],
    );
}

#[test]
fn what_waits_for_a_frozen_session_that_is_still_here_comes_before_what_it_missed() {
    check(
        "open a; read a; room a 0; deliver 1; freeze; deliver 2; thaw; room a 1000; read a 2",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1
            freeze
            deliver 2
            thaw
              a is listened to
            room a 1000
              a < @1 m1
              a reads alice @1
            read a 2
              a < @2 m2
        "#]],
    );
}

#[test]
fn the_silence_of_a_frozen_session_counts_for_nothing() {
    check(
        "open a; read a; +26s; freeze; +60s; thaw; +24s; +2s; +11s",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            +26s
             25.0s
              a < ping
            freeze
            +60s
            thaw
              a is listened to
            +24s
            +2s
             111.0s
              a < ping
            +11s
             121.0s
              park s1#1 4002
              a closed 4002 no-pong
        "#]],
    );
}

#[test]
fn a_page_for_a_frozen_session_is_read_again() {
    check(
        "open a; freeze; read a; open b session=2; read b fail; thaw; read a; read b; deliver 1; \
         freeze; deliver 2:session:2; thaw; read a 2; read b 2",
        &expect![[r#"
            open a
              a reads alice @0
            freeze
            read a
            open b session=2
              b reads alice @0
            read b fail
            thaw
              a reads alice @0
              a is listened to
              b reads alice @0
              b is listened to
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            deliver 1
              a < @1 m1
              b < @1 m1
            freeze
            deliver 2:session:2
            thaw
              a reads alice @1
              a is listened to
              b reads alice @1
              b is listened to
            read a 2
              a < @2 m2
            read b 2
              b < @2 m2
        "#]],
    );
}

#[test]
fn a_frozen_session_can_be_sent_away() {
    check(
        "open a; read a; freeze; drain 1s; +2s",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        freeze
        drain 1s
          a < closing 4000 in 1000 ms
        +2s
         1.0s
          park s1#1 4000
          a closed 4000 drain
    "#]],
    );
}

#[test]
fn a_probe_of_a_frozen_session_is_not_answered() {
    check(
        "open a; read a; freeze; probe a; +5s; thaw; probe a; answers a",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        freeze
        probe a
        +5s
        thaw
          a is listened to
        probe a
          a < ping
        answers a
          touch s1#1 Alive
    "#]],
    );
}

#[test]
fn sessions_that_stay_frozen_are_told_to_leave_after_a_grace_and_closed_evenly() {
    check(
        "open a; read a; open b user=bob; read b; freeze; +30s; open c user=carol; +75s; len; +16s; len; \
         thaw; open d; read d; +20s; asks d; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open b user=bob
              b reads bob @0
            read b
              b < welcome s2 bob @0 r2
              opened s2#1 bob
            freeze
            +30s
            open c user=carol
              c reads carol @0
            +75s
             100.0s
              a < closing 4000 in 6666 ms
              b < closing 4000 in 13333 ms
            len
              3
            +16s
             106.7s
              park s1#1 4000
              a closed 4000 drain
             113.4s
              park s2#1 4000
              b closed 4000 drain
             120.0s
              release s3#1 4000
              c closed 4000 drain
            len
              0
            thaw
            open d
              d reads alice @0
            read d
              d < welcome s4 alice @0 r4
              opened s4#1 alice
            +20s
            asks d
              d < pong
            len
              1
        "#]],
    );
}

#[test]
fn sessions_that_are_thawed_before_they_have_left_stay() {
    check(
        "open a; read a; open b; read b; freeze; open c; +101s; +10s; thaw; read c; \
         +20s; asks b; asks c; freeze; +90s; thaw; +20s; asks b; asks c",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open b
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            freeze
            open c
              c reads alice @0
            +101s
             100.0s
              a < closing 4000 in 6666 ms
              b < closing 4000 in 13333 ms
            +10s
             106.7s
              park s1#1 4000
              a closed 4000 drain
            thaw
              b is listened to
              c is listened to
            read c
              c < welcome s3 alice @0 r3
              opened s3#1 alice
            +20s
            asks b
              b < pong
            asks c
              c < pong
            freeze
            +90s
            thaw
              b is listened to
              c is listened to
            +20s
            asks b
              b < pong
            asks c
              c < pong
        "#]],
    );
}

#[test]
fn who_comes_after_the_grace_of_others_has_one_too() {
    check(
        "open a; read a; freeze; +121s; open b; +99s; len; +2s; +20s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            freeze
            +121s
             100.0s
              a < closing 4000 in 20000 ms
             120.0s
              park s1#1 4000
              a closed 4000 drain
            open b
              b reads alice @0
            +99s
            len
              1
            +2s
            +20s
             241.0s
              release s2#1 4000
              b closed 4000 drain
            len
              0
        "#]],
    );
}

#[test]
fn a_node_that_goes_away_lets_go_of_sessions_that_are_thawed_too() {
    check(
        "open a; read a; open b; freeze; +101s; drain 10s; thaw; read b; +11s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open b
              b reads alice @0
            freeze
            +101s
             100.0s
              a < closing 4000 in 10000 ms
            drain 10s
              a < closing 4000 in 5000 ms
            thaw
              a is listened to
              b is listened to
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
              b < closing 4000 in 10000 ms
            +11s
             106.0s
              park s1#1 4000
              a closed 4000 drain
             111.0s
              park s2#1 4000
              b closed 4000 drain
            len
              0
        "#]],
    );
}
