//! The engine's word that a session is over, early, late or twice.

use expect_test::expect;

use super::check;

#[test]
fn a_replaced_session_is_told_by_whom() {
    check(
        "open a; read a; end a 4409 by=b device=phone; deliver 1; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            end a 4409 by=b device=phone
              a < closing 4409 by s2 on phone
              a closed 4409 replaced
            deliver 1
            len
              0
        "#]],
    );
    check(
        "open a; read a; end a 4410; open b; read b; end b 4403; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            end a 4410
              a < closing 4410
              a closed 4410 closed-by-backend
            open b
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            end b 4403
              b < closing 4403
              b closed 4403 forbidden
            len
              0
        "#]],
    );
    check(
        "open a; read a; end a 4205; open b; read b; end b 4203; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            end a 4205
              a closed 4205 taken-over
            open b
              b reads alice @0
            read b
              b < welcome s2 alice @0 r2
              opened s2#1 alice
            end b 4203
              b closed 4203 too-old
            len
              0
        "#]],
    );
}

#[test]
fn an_end_stays_behind_what_was_sent_before_it() {
    check(
        "open a; read a; room a 4; deliver 1; deliver 2; end a 4409 by=b",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 4
            deliver 1
            deliver 2
            end a 4409 by=b
              a < @1 m1
              a < @2 m2
              a < closing 4409 by s2 on -
              a closed 4409 replaced
        "#]],
    );
    check(
        "open a; read a; deliver 1 & deliver 2 & end a 4410",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            deliver 1 & deliver 2 & end a 4410
              a < @1 m1
              a < @2 m2
              a < closing 4410
              a closed 4410 closed-by-backend
        "#]],
    );
}

#[test]
fn an_end_holds_for_its_admission_and_earlier_ones_only() {
    check(
        "open a fence=5 resumed; read a; end a 4409 fence=4; len; end a 4409 fence=6; len",
        &expect![[r#"
            open a fence=5 resumed
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1 resumed
              opened s1#5 alice resumed
              a < caught up @0
            end a 4409 fence=4
            len
              1
            end a 4409 fence=6
              a < closing 4409
              a closed 4409 replaced
            len
              0
        "#]],
    );
}

#[test]
fn an_end_that_overtakes_the_admission_is_remembered() {
    check(
        "end a,b 4410 fence=3; open a fence=3; open b fence=4; len",
        &expect![[r#"
            end a,b 4410 fence=3
            open a fence=3
              a closed 4410 closed-by-backend
            open b fence=4
              b reads alice @0
            len
              1
        "#]],
    );
    check(
        "end a 4409 by=b; deliver 1; +9s; open a; len",
        &expect![[r#"
            end a 4409 by=b
            deliver 1
            +9s
            open a
              a closed 4409 replaced
            len
              0
        "#]],
    );
    check(
        "open b; read b; end a 4410; +11s; open a; len",
        &expect![[r#"
        open b
          b reads alice @0
        read b
          b < welcome s2 alice @0 r2
          opened s2#1 alice
        end a 4410
        +11s
        open a
          a reads alice @0
        len
          2
    "#]],
    );
}

#[test]
fn an_end_that_nobody_came_for_is_forgotten_though_nobody_is_there() {
    check(
        "end a 4409 by=b; early-ends; +9s; early-ends; +2s; early-ends; len",
        &expect![[r#"
            end a 4409 by=b
            early-ends
              1
            +9s
            early-ends
              1
            +2s
            early-ends
              0
            len
              0
        "#]],
    );
}

#[test]
fn a_takeover_on_the_same_node_ends_the_old_socket_only() {
    check(
        "open a; read a; open a2 session=1 resumed fence=2; end a 4205 fence=1; read a2; \
         deliver 1; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open a2 session=1 resumed fence=2
              a closed 4205 taken-over
              a2 reads alice @0
            end a 4205 fence=1
            read a2
              a2 < welcome s1 alice @0 r1 resumed
              opened s1#2 alice resumed
              a2 < caught up @0
            deliver 1
              a2 < @1 m1
            len
              1
        "#]],
    );
    check(
        "open a; read a; end a 4205 fence=1; open a2 session=1 resumed fence=2; read a2; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            end a 4205 fence=1
              a closed 4205 taken-over
            open a2 session=1 resumed fence=2
              a2 reads alice @0
            read a2
              a2 < welcome s1 alice @0 r1 resumed
              opened s1#2 alice resumed
              a2 < caught up @0
            len
              1
        "#]],
    );
}

#[test]
fn a_session_that_is_admitted_again_here_leaves_its_socket_of_before_though_nobody_tells_of_it() {
    check(
        "open a; read a; open a3 session=1 resumed fence=3; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            open a3 session=1 resumed fence=3
              a closed 4205 taken-over
              a3 reads alice @0
            len
              1
        "#]],
    );
}

#[test]
fn an_end_that_comes_before_its_takeover_reaches_both_sockets_of_the_session() {
    check(
        "open a; read a; end a 4410 fence=2; open a2 session=1 resumed fence=2; len",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            end a 4410 fence=2
              a < closing 4410
              a closed 4410 closed-by-backend
            open a2 session=1 resumed fence=2
              a2 closed 4410 closed-by-backend
            len
              0
        "#]],
    );
}

#[test]
fn an_end_is_remembered_though_a_later_socket_of_the_session_came_first() {
    check(
        "open a3 session=1 resumed fence=3; read a3; end a 4205 fence=2; \
         open a2 session=1 resumed fence=2; len",
        &expect![[r#"
            open a3 session=1 resumed fence=3
              a3 reads alice @0
            read a3
              a3 < welcome s1 alice @0 r1 resumed
              opened s1#3 alice resumed
              a3 < caught up @0
            end a 4205 fence=2
            open a2 session=1 resumed fence=2
              a2 closed 4205 taken-over
            len
              1
        "#]],
    );
}

#[test]
fn a_close_does_not_come_into_the_midst_of_a_frame() {
    check(
        "open a; read a; room a 4; end a 4410",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 4
            end a 4410
              a < closing 4410
              a closed 4410 closed-by-backend
        "#]],
    );
    check(
        "open a; read a; room a 4; deliver 1 & deliver 2 & end a 4410",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 4
            deliver 1 & deliver 2 & end a 4410
              a < @1 m1
              a < @2 m2
              a < closing 4410
              a closed 4410 closed-by-backend
        "#]],
    );
}
