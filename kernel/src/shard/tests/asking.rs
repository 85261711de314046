//! Probes: a newcomer wants a place, and somebody is asked whether it is there.

use expect_test::expect;

use super::check;

#[test]
fn a_session_that_is_asked_answers_with_any_frame() {
    check(
        "open a; read a; probe a; answers a; answers a; +60s
         open b plain; read b; probe b; pong b",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            probe a
              a < ping
            answers a
              touch s1#1 Alive
            answers a
            +60s
             25.0s
              a < ping
             35.0s
              park s1#1 4002
              a closed 4002 no-pong
            open b plain
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            probe b
              b < (control ping)
            pong b
              touch s2#1 Alive
        "#]],
    );
}

#[test]
fn a_session_that_does_not_answer_is_parked_after_three_seconds() {
    check(
        "open a; read a; +10s; probe a; +2s; +2s",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        +10s
        probe a
          a < ping
        +2s
        +2s
         13.0s
          park s1#1 4002
          a closed 4002 no-pong
    "#]],
    );
}

#[test]
fn a_probe_holds_for_its_admission_only_and_others_are_not_asked() {
    check(
        "open a fence=2; open b; read a; read b; probe a fence=1; probe c; +4s",
        &expect![[r#"
        open a fence=2
          a reads alice @0
        open b
          b reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#2 alice
        read b
          b < welcome s2 alice @0 r2
          opened s2#1 alice
        probe a fence=1
        probe c
        +4s
    "#]],
    );
}

#[test]
fn a_session_that_is_just_opening_is_there() {
    check(
        "open a; probe a; read a; +10s",
        &expect![[r#"
        open a
          a reads alice @0
        probe a
          touch s1#1 Alive
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        +10s
    "#]],
    );
}

#[test]
fn a_slow_peer_that_takes_bytes_is_there() {
    check(
        "open a; read a; room a 3; deliver 1; probe a; room a 3; +4s",
        &expect![[r#"
        open a
          a reads alice @0
        read a
          a < welcome s1 alice @0 r1
          opened s1#1 alice
        room a 3
        deliver 1
        probe a
        room a 3
          a < @1 m1
          touch s1#1 Alive
        +4s
    "#]],
    );
}

#[test]
fn probes_do_not_multiply_looks() {
    check(
        "open a; read a; probe a; answers a; probe a; answers a; probe a; answers a
         +36s; +36s",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            probe a
              a < ping
            answers a
              touch s1#1 Alive
            probe a
              a < ping
            answers a
              touch s1#1 Alive
            probe a
              a < ping
            answers a
              touch s1#1 Alive
            +36s
             25.0s
              a < ping
             35.0s
              park s1#1 4002
              a closed 4002 no-pong
            +36s
        "#]],
    );
}

#[test]
fn whoever_asked_is_told_the_answer() {
    check(
        "probed a fence=7",
        &expect![[r#"
        probed a fence=7
          probed s1#7
    "#]],
    );
}
