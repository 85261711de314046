//! Messages on their way to sockets: order, slow ones, what goes first when it is too much.

use expect_test::expect;

use super::{check, check_with};

#[test]
fn a_message_goes_to_those_sessions_of_the_user_for_whom_it_is() {
    check(
        "open a device=d; read a; open b class=c; read b; open c user=bob; read c; \
         deliver 1; deliver 2:device:d; deliver 3:class:c; deliver 4:session:2; \
         deliver 5 except=1; deliver 1 user=bob; deliver 2 user=carol",
        &expect![[r#"
            open a device=d
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open b class=c
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            open c user=bob
              c reads bob @0
            read c
              c < welcome s3 bob @0 r3
              opened s3#1 bob
            deliver 1
              a < @1 m1
              b < @1 m1
            deliver 2:device:d
              a < @2 m2
            deliver 3:class:c
              b < @3 m3
            deliver 4:session:2
              b < @4 m4
            deliver 5 except=1
              b < @5 m5
            deliver 1 user=bob
              c < @1 m1
            deliver 2 user=carol
        "#]],
    );
}

#[test]
fn a_message_shows_who_sent_it_and_of_what_it_is_an_echo() {
    check(
        "open a; read a; deliver 1 from=bob; deliver 2 from=alice echo=bob",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        deliver 1 from=bob
          a < @1 m1 from bob
        deliver 2 from=alice echo=bob
          a < @2 m2 from alice echo of bob
    "#]],
    );
}

#[test]
fn later_frames_of_a_turn_leave_together_at_its_end() {
    check(
        "open a; read a; deliver 1 & deliver 2 & deliver 3",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        deliver 1 & deliver 2 & deliver 3
          a < @1 m1
          a < @2 m2
          a < @3 m3
    "#]],
    );
}

#[test]
fn what_a_socket_does_not_take_waits_in_order() {
    check(
        "open a; read a; room a 3; deliver 1; deliver 2; deliver -; room a 5; deliver 3; \
         room a 100; deliver 4",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 3
            deliver 1
            deliver 2
            deliver -
            room a 5
              a < @1 m1
            deliver 3
            room a 100
              a < @2 m2
              a < volatile v
              a < @3 m3
            deliver 4
              a < @4 m4
        "#]],
    );
}

#[test]
fn an_old_message_does_not_come_again() {
    check(
        "open a; read a; deliver 2; deliver 1; deliver 2; deliver 3",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        deliver 2
          a < @2 m2
        deliver 1
        deliver 2
        deliver 3
          a < @3 m3
    "#]],
    );
}

#[test]
fn volatile_messages_go_first_when_a_session_is_slow() {
    check_with(
        |options| options.outbox.frames = 3,
        "open a; read a; room a 0; deliver 1; deliver -; deliver 2; deliver -; deliver 3; \
         deliver -; counts; room a 1000",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1
            deliver -
            deliver 2
            deliver -
            deliver 3
            deliver -
            counts
              Counts { delivered: 4, replayed: 0, dropped: 3, gaps: Gaps { expired: 0, overflow: 0, epoch: 0 }, unknown: 0 }
            room a 1000
              a < @1 m1
              a < @2 m2
              a < @3 m3
        "#]],
    );
}

#[test]
fn a_session_that_is_too_slow_is_parked_and_the_begun_frame_kept_whole_f22() {
    check_with(
        |options| options.outbox.frames = 3,
        "open a; read a; room a 3; deliver 1; deliver 2; deliver 3; deliver 4; deliver 5; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 3
            deliver 1
            deliver 2
            deliver 3
            deliver 4
              park s1#1 4001
              a < @1 m1
              a closed 4001 slow
            deliver 5
            len
              0
        "#]],
    );
    check_with(
        |options| options.outbox.bytes = 60,
        "open a; read a; room a 0; deliver 1 bytes=50; deliver 2 bytes=50; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1 bytes=50
            deliver 2 bytes=50
              park s1#1 4001
              a < @1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              a closed 4001 slow
            len
              0
        "#]],
    );
}

#[test]
fn many_frames_in_one_turn_are_no_fault_of_the_session() {
    check_with(
        |options| options.outbox.frames = 4,
        "open a; read a; deliver 1 & deliver 2 & deliver 3 & deliver 4 & deliver 5 & deliver 6 \
         & deliver 7 & deliver 8; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            deliver 1 & deliver 2 & deliver 3 & deliver 4 & deliver 5 & deliver 6 & deliver 7 & deliver 8
              a < @1 m1
              a < @2 m2
              a < @3 m3
              a < @4 m4
              a < @5 m5
              a < @6 m6
              a < @7 m7
              a < @8 m8
            len
              1
        "#]],
    );
}

#[test]
fn a_slow_session_is_no_matter_to_its_siblings() {
    check_with(
        |options| options.outbox.frames = 1,
        "open a; read a; open b; read b; room a 0; deliver 1; deliver 2; deliver 3; len",
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
            room a 0
            deliver 1
              b < @1 m1
            deliver 2
              park s1#1 4001
              a < @1 m1
              a closed 4001 slow
              b < @2 m2
            deliver 3
              b < @3 m3
            len
              1
        "#]],
    );
}

#[test]
fn a_stream_that_lost_its_past_is_read_at_once() {
    check(
        "open a; read a; behind 2.0; read a gap=0-2.0 until=2.0; behind 2.0; deliver 2.1; \
         freeze; behind 3.0; thaw; read a gap=2.1-3.0 until=3.0",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            behind 2.0
              a reads alice @0
            read a gap=0-2.0 until=2.0
              a < gap @0 to @2.0 Expired
            behind 2.0
            deliver 2.1
              a < @2.1 m1
            freeze
            behind 3.0
            thaw
              a reads alice @2.1
              a is listened to
            read a gap=2.1-3.0 until=3.0
              a < gap @2.1 to @3.0 Expired
        "#]],
    );
}
