//! How sessions part: silence, goodbyes, the node's end.

use expect_test::expect;

use super::check;

#[test]
fn silence_is_asked_for_life_and_then_given_up() {
    check(
        "open a; read a; +24s; +1s; +9s; +2s; len",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        +24s
        +1s
         25.0s
          a < ping
        +9s
        +2s
         35.0s
          park s1#1 4002
          a closed 4002 no-pong
        len
          0
    "#]],
    );
}

#[test]
fn a_session_that_does_not_speak_usher_is_asked_by_control_frame() {
    check(
        "open a plain; read a; +26s; pong a; +26s; +11s",
        &expect![[r#"
        open a plain
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        +26s
         25.0s
          a < (control ping)
        pong a
        +26s
         51.0s
          a < (control ping)
        +11s
         61.0s
          park s1#1 4002
          a closed 4002 no-pong
    "#]],
    );
}

#[test]
fn any_frame_is_life() {
    check(
        "open a; read a; +20s; answers a; +20s; dance a; +20s; bad-json a; +20s; ping a; +20s; \
         pong a; +26s; active a; +24s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            +20s
            answers a
            +20s
            dance a
            +20s
            bad-json a
              a < reply - bad-json
            +20s
            ping a
              a < (control pong)
            +20s
            pong a
            +26s
             125.0s
              a < ping
            active a
              touch s1#1 Active
            +24s
            len
              1
        "#]],
    );
}

#[test]
fn what_is_written_does_not_put_the_ping_off() {
    check(
        "open a; read a; +20s; deliver 1; +20s; +6s; deliver 2; +9s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            +20s
            deliver 1
              a < @1 m1
            +20s
             25.0s
              a < ping
             35.0s
              park s1#1 4002
              a closed 4002 no-pong
            +6s
            deliver 2
            +9s
            len
              0
        "#]],
    );
}

#[test]
fn what_a_full_socket_takes_is_life_and_what_waits_is_not() {
    check(
        "open a; read a; room a 0; deliver 1; +20s; deliver -; +6s; +10s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1
            +20s
            deliver -
            +6s
            +10s
             35.0s
              park s1#1 4002
              a < @1 m1
              a < volatile v
              a < ping
              a closed 4002 no-pong
            len
              0
        "#]],
    );
    check(
        "open a; read a; room a 0; deliver 1; +20s; room a 2; +20s; len; +6s; +10s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1
            +20s
            room a 2
            +20s
            len
              1
            +6s
            +10s
             55.0s
              park s1#1 4002
              a < @1 m1
              a < ping
              a closed 4002 no-pong
            len
              0
        "#]],
    );
}

#[test]
fn a_goodbye_ends_the_session_f15() {
    check(
        "open a; read a; left a; open b; read b; left b 1000; open c; read c; leave c; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            left a
              release s1#1 1005
              a closed 1005
            open b
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            left b 1000
              release s2#1 1000
              b closed 1000
            open c
              c reads alice @0
            read c
              c < welcome s3 alice @0 r3
              opened s3#1 alice
            leave c
              release s3#1 1000
              c closed 1000
            len
              0
        "#]],
    );
}

#[test]
fn any_other_close_code_parks_the_session_f15_f23() {
    check(
        "open a; read a; left a 1001; open b; read b; left b 3000; open c; read c; left c 4999; \
         open d; read d; lost d; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            left a 1001
              park s1#1 1001
              a closed 1001
            open b
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            left b 3000
              park s2#1 3000
              b closed 3000
            open c
              c reads alice @0
            read c
              c < welcome s3 alice @0 r3
              opened s3#1 alice
            left c 4999
              park s3#1 4999
              c closed 4999
            open d
              d reads alice @0
            read d
              d < welcome s4 alice @0 r4
              opened s4#1 alice
            lost d
              park s4#1 1006
            len
              0
        "#]],
    );
}

#[test]
fn a_violation_ends_the_session() {
    check(
        "open a resumed; read a; violation a 1002; violation a 1002; lost a",
        &expect![[r#"
        open a resumed
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1 resumed
          opened s1#1 alice resumed
          a < caught up @0
        violation a 1002
          release s1#1 1002
          a closed 1002 broken
        violation a 1002
        lost a
    "#]],
    );
}

#[test]
fn a_new_session_without_welcome_ends_and_does_not_park() {
    check(
        "open a; lost a; open b; left b 1001; open c; read c & lost c; open d; read d; lost d; \
         open e resumed; lost e; open f resumed; left f 1001",
        &expect![[r#"
            open a
              a reads alice @0
            lost a
              release s1#1 1006
            open b
              b reads alice @0
            left b 1001
              release s2#1 1001
              b closed 1001
            open c
              c reads alice @0
            read c & lost c
              c < welcome s3 alice @0 r3
              opened s3#1 alice
              release s3#1 1006
            open d
              d reads alice @0
            read d
              d < welcome s4 alice @0 r4
              opened s4#1 alice
            lost d
              park s4#1 1006
            open e resumed
              e reads alice @0
            lost e
              park s5#1 1006
            open f resumed
              f reads alice @0
            left f 1001
              park s6#1 1001
              f closed 1001
        "#]],
    );
}

#[test]
fn a_resumed_session_confirms_its_welcome_once() {
    check(
        "open a resumed; read a; pong a; asks a; pong a",
        &expect![[r#"
        open a resumed
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1 resumed
          opened s1#1 alice resumed
          a < caught up @0
        pong a
          touch s1#1 Welcomed
        asks a
          a < pong
        pong a
    "#]],
    );
    check(
        "open a; read a; pong a",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        pong a
    "#]],
    );
}

#[test]
fn a_drain_asks_all_to_leave_and_closes_them_evenly() {
    check(
        "open a; read a; open b; read b; open c; drain 20s; left a 1001; +5s; asks b; read c; \
         open d; +4s; +2s; +20s; read d; +1s; len",
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
            open c
              c reads alice @0
            drain 20s
              a < closing 4000 in 6666 ms
              b < closing 4000 in 13333 ms
            left a 1001
              park s1#1 1001
              a closed 1001
            +5s
            asks b
              b < pong
            read c
              c < welcome s3 alice @0 r3
              opened s3#1 alice
              c < closing 4000 in 15000 ms
            open d
              d reads alice @0
            +4s
            +2s
            +20s
             13.4s
              park s2#1 4000
              b closed 4000 drain
             20.0s
              park s3#1 4000
              c closed 4000 drain
            read d
              d < welcome s4 alice @0 r4
              opened s4#1 alice
              d < closing 4000 in 0 ms
            +1s
             31.1s
              park s4#1 4000
              d closed 4000 drain
            len
              0
        "#]],
    );
}

#[test]
fn a_drain_longer_than_the_wheel_closes_nobody_early() {
    check(
        "open a; read a; drain 90s; +20s; asks a; +20s; asks a; +20s; asks a; +20s; asks a; +9s; len; +2s; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            drain 90s
              a < closing 4000 in 90000 ms
            +20s
            asks a
              a < pong
            +20s
            asks a
              a < pong
            +20s
            asks a
              a < pong
            +20s
            asks a
              a < pong
            +9s
            len
              1
            +2s
             90.0s
              park s1#1 4000
              a closed 4000 drain
            len
              0
        "#]],
    );
}
