//! Room: what may wait for all sessions together.

use expect_test::expect;

use super::check_with;

#[test]
fn the_largest_outboxes_are_parked_when_all_together_are_too_much() {
    check_with(
        |options| options.outboxes_bytes = 1000,
        "open a; open b user=bob; open c user=carol; read a; read b; read c
         room a 0; room b 0; room c 0
         deliver 1 bytes=50; deliver 1 bytes=300 user=bob; deliver 1 bytes=300 user=carol; waiting
         deliver 2 bytes=100 user=carol
         deliver 2 bytes=400; waiting
         room b 100000; waiting; lost a; waiting",
        &expect![[r#"
            open a
              a reads alice @0
            open b user=bob
              b reads bob @0
            open c user=carol
              c reads carol @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            read b
              b < welcome s2 bob @0 r2
              opened s2#1 bob
            read c
              c < welcome s3 carol @0 r3
              opened s3#1 carol
            room a 0
            room b 0
            room c 0
            deliver 1 bytes=50
            deliver 1 bytes=300 user=bob
            deliver 1 bytes=300 user=carol
            waiting
              662
            deliver 2 bytes=100 user=carol
            deliver 2 bytes=400
              park s1#1 4001
              a < @1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              a closed 4001 slow
            waiting
              712
            room b 100000
              b < @1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            waiting
              408
            lost a
            waiting
              408
        "#]],
    );
}

#[test]
fn a_session_that_is_ended_is_told_so_however_crowded_it_is() {
    check_with(
        |options| options.outboxes_bytes = 420,
        "open a; open b user=bob; read a; read b; room a 0; room b 0
         deliver 1 bytes=200; deliver 1 bytes=200 user=bob; waiting
         end a 4409 by=b; waiting",
        &expect![[r#"
            open a
              a reads alice @0
            open b user=bob
              b reads bob @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            read b
              b < welcome s2 bob @0 r2
              opened s2#1 bob
            room a 0
            room b 0
            deliver 1 bytes=200
            deliver 1 bytes=200 user=bob
            waiting
              408
            end a 4409 by=b
              a < @1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              a < closing 4409 by s2 on -
              a closed 4409 replaced
            waiting
              204
        "#]],
    );
}

#[test]
fn what_waits_is_counted_through_every_way_out() {
    check_with(
        |options| options.outbox.bytes = 300,
        "open a; read a; room a 5; deliver 1 bytes=100; waiting; room a 50; waiting
         deliver - bytes=100; waiting; deliver 2 bytes=150; waiting; room a 1000; waiting
         room a 0; deliver 3 bytes=100; deliver 4 bytes=290; waiting",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 5
            deliver 1 bytes=100
            waiting
              99
            room a 50
            waiting
              99
            deliver - bytes=100
            waiting
              209
            deliver 2 bytes=150
            waiting
              253
            room a 1000
              a < @1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              a < @2 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            waiting
              0
            room a 0
            deliver 3 bytes=100
            deliver 4 bytes=290
              park s1#1 4001
              a < @3 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              a closed 4001 slow
            waiting
              0
        "#]],
    );
}
