//! From admission to following: nothing is lost and nothing doubled where reading ends.

use expect_test::expect;

use super::check;

#[test]
fn welcome_comes_first_and_only_after_the_read() {
    check(
        "open a; deliver 1; takes a; read a; takes a; read a 1",
        &expect![[r#"
        open a
          a reads alice @0
        deliver 1
        takes a
          false
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
          a reads alice @0
        takes a
          true
        read a 1
          a < @1 m1
    "#]],
    );
}

#[test]
fn a_message_that_was_appended_before_the_page_comes_once() {
    check(
        "open a; deliver 1; read a 1; deliver 1; deliver 2",
        &expect![[r#"
        open a
          a reads alice @0
        deliver 1
        read a 1
          a < welcome s1 alice @0 r1
          opened s1#1 alice
          a < @1 m1
        deliver 1
        deliver 2
          a < @2 m2
    "#]],
    );
}

#[test]
fn a_message_between_pages_is_not_lost() {
    check(
        "open a resumed; read a 1,2 more & deliver 4; read a 3; read a 4; deliver 4; deliver 5",
        &expect![[r#"
            open a resumed
              a reads alice @0
            read a 1,2 more & deliver 4
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < @1 m1 replayed
              a < @2 m2 replayed
              a reads alice @2
            read a 3
              a < @3 m3 replayed
              a reads alice @3
            read a 4
              a < @4 m4 replayed
              a < caught up @4
            deliver 4
            deliver 5
              a < @5 m5
        "#]],
    );
}

#[test]
fn a_message_after_the_last_page_comes_by_envelope() {
    check(
        "open a resumed after=3; read a until=3; deliver 4; deliver 3",
        &expect![[r#"
        open a resumed after=3
          a reads alice @3
        read a until=3
          a < welcome s1 alice @3 r1 resumed
          opened s1#1 alice resumed
          a < caught up @3
        deliver 4
          a < @4 m4
        deliver 3
    "#]],
    );
}

#[test]
fn caught_up_is_told_only_where_a_replay_was_asked_for() {
    check(
        "open a after=2; read a 3; open b after=2 replay; read b 3; \
         open c after=2 resumed; read c 3",
        &expect![[r#"
            open a after=2
              a reads alice @2
            read a 3
              a < welcome s1 alice @2 r1
              opened s1#1 alice
              a < @3 m3
            open b after=2 replay
              b reads alice @2
            read b 3
              b < welcome s2 alice @2 r2
              opened s2#1 alice
              b < @3 m3 replayed
              b < caught up @3
            open c after=2 resumed
              c reads alice @2
            read c 3
              c < welcome s3 alice @2 r3 resumed
              opened s3#1 alice resumed
              c < @3 m3 replayed
              c < caught up @3
        "#]],
    );
}

#[test]
fn a_replay_waits_for_the_socket_before_it_reads_on() {
    check(
        "open a resumed; room a 60; read a 1,2,3 more; deliver 7; room a 10; room a 1000; \
         read a 4,5,6,7",
        &expect![[r#"
            open a resumed
              a reads alice @0
            room a 60
            read a 1,2,3 more
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < @1 m1 replayed
            deliver 7
            room a 10
              a < @2 m2 replayed
            room a 1000
              a < @3 m3 replayed
              a reads alice @3
            read a 4,5,6,7
              a < @4 m4 replayed
              a < @5 m5 replayed
              a < @6 m6 replayed
              a < @7 m7 replayed
              a < caught up @7
        "#]],
    );
}

#[test]
fn a_replay_that_does_not_fit_the_outbox_goes_on_from_where_it_stopped() {
    super::check_with(
        |options| options.outbox.frames = 2,
        "open a resumed; read a 1,2,3,4,5; read a 3,4,5; read a until=5; deliver 6",
        &expect![[r#"
            open a resumed
              a reads alice @0
            read a 1,2,3,4,5
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < @1 m1 replayed
              a < @2 m2 replayed
              a reads alice @2
            read a 3,4,5
              a < @3 m3 replayed
              a < @4 m4 replayed
              a < @5 m5 replayed
              a reads alice @5
            read a until=5
              a < caught up @5
            deliver 6
              a < @6 m6
        "#]],
    );
}

#[test]
fn what_does_not_fit_the_outbox_is_read_again_though_no_replay_was_asked_for() {
    super::check_with(
        |options| options.outbox.frames = 2,
        "open a; read a 1,2,3,4,5; deliver 6; read a 3,4,5,6; read a 6; deliver 7",
        &expect![[r#"
            open a
              a reads alice @0
            read a 1,2,3,4,5
              a < welcome s1 alice @0 r1
              opened s1#1 alice
              a < @1 m1
              a < @2 m2
              a reads alice @2
            deliver 6
            read a 3,4,5,6
              a < @3 m3
              a < @4 m4
              a < @5 m5
              a reads alice @5
            read a 6
              a < @6 m6
            deliver 7
              a < @7 m7
        "#]],
    );
}

#[test]
fn a_replay_leaves_out_what_is_for_others() {
    check(
        "open a resumed device=d class=c; \
         read a 1:device:d,2:device:e,3:class:c,4:class:x,5:session:1,6:session:2; deliver 7",
        &expect![[r#"
            open a resumed device=d class=c
              a reads alice @0
            read a 1:device:d,2:device:e,3:class:c,4:class:x,5:session:1,6:session:2
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < @1 m1 replayed
              a < @3 m3 replayed
              a < @5 m5 replayed
              a < caught up @6
            deliver 7
              a < @7 m7
        "#]],
    );
    check(
        "open a resumed; read a 1,2 except=1; read a until=2",
        &expect![[r#"
        open a resumed
          a reads alice @0
        read a 1,2 except=1
          a < welcome s1 alice @0 r1 resumed
          opened s1#1 alice resumed
          a < caught up @2
        read a until=2
    "#]],
    );
}

#[test]
fn what_came_before_a_session_joined_is_not_for_it() {
    check(
        "open a resumed after=1 joined=3; read a 2,3,4",
        &expect![[r#"
        open a resumed after=1 joined=3
          a reads alice @1
        read a 2,3,4
          a < welcome s1 alice @1 r1 resumed
          opened s1#1 alice resumed
          a < @4 m4 replayed
          a < caught up @4
    "#]],
    );
}

#[test]
fn a_gap_is_told_before_what_follows_it() {
    check(
        "open a resumed; read a 5,6 gap=0-4; deliver 7; counts",
        &expect![[r#"
            open a resumed
              a reads alice @0
            read a 5,6 gap=0-4
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < gap @0 to @4 Expired
              a < @5 m5 replayed
              a < @6 m6 replayed
              a < caught up @6
            deliver 7
              a < @7 m7
            counts
              Counts { delivered: 1, replayed: 2, dropped: 0, gaps: Gaps { expired: 1, overflow: 0, epoch: 0 }, unknown: 0 }
        "#]],
    );
}

#[test]
fn a_position_from_the_future_is_read_once_and_not_for_ever_j10() {
    check(
        "open a resumed after=9.9; read a 1,2 gap=9.9-0; deliver 3",
        &expect![[r#"
            open a resumed after=9.9
              a reads alice @9.9
            read a 1,2 gap=9.9-0
              a < welcome s1 alice @9.9 r1 resumed
              opened s1#1 alice resumed
              a < gap @9.9 to @0 Expired
              a < @1 m1 replayed
              a < @2 m2 replayed
              a < caught up @2
            deliver 3
              a < @3 m3
        "#]],
    );
}

#[test]
fn a_new_epoch_makes_a_live_session_read() {
    check(
        "open a; read a; deliver 1; deliver 2.1; deliver 2.2; read a 2.1,2.2 gap=1-2.0; deliver 2.3",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            deliver 1
              a < @1 m1
            deliver 2.1
              a reads alice @1
            deliver 2.2
            read a 2.1,2.2 gap=1-2.0
              a < gap @1 to @2.0 Expired
              a < @2.1 m1
              a < @2.2 m2
            deliver 2.3
              a < @2.3 m3
        "#]],
    );
    check(
        "open a after=2.1; read a until=2.1; deliver 1.7; read a until=2.1; deliver 2.2",
        &expect![[r#"
            open a after=2.1
              a reads alice @2.1
            read a until=2.1
              a < welcome s1 alice @2.1 r1
              opened s1#1 alice
            deliver 1.7
              a reads alice @2.1
            read a until=2.1
            deliver 2.2
              a < @2.2 m2
        "#]],
    );
}

#[test]
fn a_read_that_failed_before_welcome_ends_a_new_session_and_parks_a_resumed_one() {
    check(
        "open a; read a fail; open b resumed; read b fail",
        &expect![[r#"
        open a
          a reads alice @0
        read a fail
          release s1#1 4003
          a closed 4003 overloaded
        open b resumed
          b reads alice @0
        read b fail
          park s2#1 4003
          b closed 4003 overloaded
    "#]],
    );
}

#[test]
fn a_read_that_failed_later_is_told() {
    check(
        "open a resumed; read a 1 more; read a fail",
        &expect![[r#"
            open a resumed
              a reads alice @0
            read a 1 more
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < @1 m1 replayed
              a reads alice @1
            read a fail
              a < closing 4003
              park s1#1 4003
              a closed 4003 overloaded
        "#]],
    );
}

#[test]
fn a_new_session_that_has_its_welcome_is_parked_when_the_next_read_fails_in_the_same_turn() {
    check(
        "open a; read a 1 more & read a fail",
        &expect![[r#"
            open a
              a reads alice @0
            read a 1 more & read a fail
              a < welcome s1 alice @0 r1
              opened s1#1 alice
              park s1#1 4003
              a < @1 m1
              a < closing 4003
              a closed 4003 overloaded
        "#]],
    );
}

#[test]
fn a_volatile_message_is_not_for_a_session_without_welcome() {
    check(
        "open a; deliver -; read a; deliver -",
        &expect![[r#"
        open a
          a reads alice @0
        deliver -
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        deliver -
          a < volatile v
    "#]],
    );
}

#[test]
fn nothing_is_asked_of_a_session_that_still_opens() {
    check(
        "open a resumed; +60s; ping a; read a; pong a",
        &expect![[r#"
            open a resumed
              a reads alice @0
            +60s
            ping a
              a < (control pong)
            read a
              a < welcome s1 alice @0 r1 resumed
              opened s1#1 alice resumed
              a < caught up @0
            pong a
              touch s1#1 Welcomed
        "#]],
    );
}
