//! What sessions say, and what they must not.

use expect_test::expect;

use super::check;

#[test]
fn a_ping_frame_is_answered() {
    check(
        "open a; read a; asks a; answers a; ping a; pong a",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        asks a
          a < pong
        answers a
        ping a
          a < (control pong)
        pong a
    "#]],
    );
}

#[test]
fn whoever_leaves_may_leave_at_any_rate() {
    check(
        "open a; read a; flood a 300; leave a",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            flood a 300
            leave a
              release s1#1 1000
              a closed 1000
        "#]],
    );
}

#[test]
fn a_frame_beyond_the_rate_is_answered_and_not_acted_on_f21() {
    check(
        "open a send=any; read a; flood a 200; send a bob ref=c1; send a bob; bad-json a ref=c2; \
         +10ms; send a bob ref=c3",
        &expect![[r#"
            open a send=any
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            flood a 200
            send a bob ref=c1
              a < reply c1 rate-limited 10 ms
            send a bob
            bad-json a ref=c2
              a < reply c2 rate-limited 10 ms
            +10ms
            send a bob ref=c3
              touch s1#1 Active
              a forwards c3 to bob
        "#]],
    );
}

#[test]
fn a_flood_ends_the_session_f21() {
    check(
        "open a; read a; flood a 1200; flood a 1; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        flood a 1200
        flood a 1
          release s1#1 1008
          a closed 1008 flood
        len
          0
    "#]],
    );
}

#[test]
fn a_flood_at_ten_times_the_rate_ends_the_session_though_every_tenth_frame_is_taken_f21() {
    check(
        "open a; read a; flood a 10 times=140; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        flood a 10 times=140
        len
          1
    "#]],
    );
    check(
        "open a; read a; flood a 1 times=2000; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        flood a 1 times=2000
        len
          1
    "#]],
    );
}

#[test]
fn a_flood_of_control_pings_ends_the_session_f17() {
    check(
        "open a; read a; flood a 199; ping a; pong a; pong a; ping a; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        flood a 199
        ping a
          a < (control pong)
        pong a
        pong a
        ping a
          release s1#1 1008
          a closed 1008 flood
        len
          0
    "#]],
    );
}

#[test]
fn the_third_frame_in_a_row_that_is_not_json_ends_the_session_j1() {
    check(
        "open a; read a; bad-json a; bad-json a; bad-json a; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        bad-json a
          a < reply - bad-json
        bad-json a
          a < reply - bad-json
        bad-json a
          a < reply - bad-json
          release s1#1 4400
          a closed 4400 protocol-error
        len
          0
    "#]],
    );
    check(
        "open a; read a; bad-json a; bad-json a; asks a; bad-json a; bad-json a; bad-frame a; \
         bad-json a; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            bad-json a
              a < reply - bad-json
            bad-json a
              a < reply - bad-json
            asks a
              a < pong
            bad-json a
              a < reply - bad-json
            bad-json a
              a < reply - bad-json
            bad-frame a
              a < reply - bad-frame
            bad-json a
              a < reply - bad-json
            len
              1
        "#]],
    );
}

#[test]
fn a_frame_with_a_fault_is_answered_j2_j4_j6() {
    check(
        "open a; read a; bad-frame a ref=c1; bad-field a ref=c2; bad-field a",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        bad-frame a ref=c1
          a < reply c1 bad-frame
        bad-field a ref=c2
          a < reply c2 bad-field
        bad-field a
          a < reply - bad-field
    "#]],
    );
}

#[test]
fn an_unknown_type_is_counted_and_answered_if_it_has_a_ref_j5() {
    check(
        "open a; read a; dance a; dance a ref=c1; counts",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            dance a
            dance a ref=c1
              a < reply c1 unknown-type
            counts
              Counts { delivered: 0, replayed: 0, dropped: 0, gaps: Gaps { expired: 0, overflow: 0, epoch: 0 }, unknown: 2 }
        "#]],
    );
}

#[test]
fn an_ack_must_be_of_what_was_sent_j8() {
    check(
        "open a; read a; deliver 1; deliver 2; ack a 2.1 ref=c1; ack a 3 ref=c2; ack a 3; ack a 2; \
         ack a 1; +1s; ack a 1",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            deliver 1
              a < @1 m1
            deliver 2
              a < @2 m2
            ack a 2.1 ref=c1
              a < reply c1 bad-field
            ack a 3 ref=c2
              a < reply c2 bad-field
            ack a 3
              a < reply - bad-field
            ack a 2
              touch s1#1 acked @2
            ack a 1
            +1s
            ack a 1
              touch s1#1 acked @1
        "#]],
    );
}

#[test]
fn activity_is_told_at_most_every_five_seconds() {
    check(
        "open a; read a; active a; +4s; active a; +1s; active a",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        active a
          touch s1#1 Active
        +4s
        active a
        +1s
        active a
          touch s1#1 Active
    "#]],
    );
}

#[test]
fn a_send_needs_a_grant() {
    check(
        "open a; read a; send a bob ref=c1; open b send=bob; read b; send b carol ref=c2; \
         send b bob ref=c3",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            send a bob ref=c1
              a < reply c1 forbidden
            open b send=bob
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            send b carol ref=c2
              b < reply c2 forbidden
            send b bob ref=c3
              touch s2#1 Active
              b forwards c3 to bob
        "#]],
    );
}

#[test]
fn frames_behind_a_send_wait_for_its_reply() {
    check(
        "open a send=any; read a; send a bob ref=c1; takes a; replied a ref=c1; takes a; \
         send a bob ref=c2; replied a ref=c2 error=unavailable; send a bob; replied a; takes a",
        &expect![[r#"
            open a send=any
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            send a bob ref=c1
              touch s1#1 Active
              a forwards c1 to bob
            takes a
              false
            replied a ref=c1
              a < reply c1 m9
            takes a
              true
            send a bob ref=c2
              a forwards c2 to bob
            replied a ref=c2 error=unavailable
              a < reply c2 unavailable
            send a bob
              a forwards - to bob
            replied a
            takes a
              true
        "#]],
    );
}

#[test]
fn the_reply_to_a_session_that_has_gone_is_dropped() {
    check(
        "open a send=any; read a; send a bob ref=c1; lost a; replied a ref=c1",
        &expect![[r#"
        open a send=any
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        send a bob ref=c1
          touch s1#1 Active
          a forwards c1 to bob
        lost a
          park s1#1 1006
        replied a ref=c1
    "#]],
    );
}
