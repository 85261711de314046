//! Everyone: one message for all, in parts.

use expect_test::expect;

use super::{Desk, Input, check, check_with, options};
use crate::outbox::Bounds;

#[test]
fn everyone_who_is_there_gets_it_and_nobody_who_is_not_welcomed_yet() {
    check(
        "open a; open b user=bob; open c user=carol; read a; read b
         everyone -
         read c; counts",
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
            everyone -
              a < volatile v
              b < volatile v
            read c
              c < welcome s3 carol @0 r3
              opened s3#1 carol
            counts
              Counts { delivered: 2, replayed: 0, dropped: 0, gaps: Gaps { expired: 0, overflow: 0, epoch: 0 }, unknown: 0 }
        "#]],
    );
}

#[test]
fn it_may_be_for_one_class() {
    check(
        "open a class=phone; open b user=bob class=desk; read a; read b; everyone - to=class:desk",
        &expect![[r#"
            open a class=phone
              a reads alice @0
            open b user=bob class=desk
              b reads bob @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            read b
              b < welcome s2 bob @0 r2
              opened s2#1 bob
            everyone - to=class:desk
              b < volatile v
        "#]],
    );
}

#[test]
fn whoever_is_slow_goes_without() {
    check_with(
        |options| options.outbox = Bounds { frames: 2, bytes: 100 },
        "open a; read a; room a 0; deliver 1; deliver 2; everyone -; counts; room a 1000",
        &expect![[r#"
            open a
              a reads alice @0
            read a
              a < welcome s1 alice @0 r1
              opened s1#1 alice
            room a 0
            deliver 1
            deliver 2
            everyone -
            counts
              Counts { delivered: 2, replayed: 0, dropped: 1, gaps: Gaps { expired: 0, overflow: 0, epoch: 0 }, unknown: 0 }
            room a 1000
              a < @1 m1
              a < @2 m2
        "#]],
    );
}

#[test]
fn it_goes_in_parts_and_not_to_those_who_come_between() {
    const MANY: usize = 600;
    let mut desk = Desk::new(options());
    let open = |desk: &mut Desk, n: usize| {
        for command in [format!("open s{n} session={n} user=u{n}"), format!("read s{n}")] {
            desk.command(&command);
            desk.settle();
            desk.handle(Input::TurnEnd);
        }
    };
    (1..=MANY).for_each(|n| open(&mut desk, n));
    desk.command("lost s5");
    desk.settle();
    let mut parts = Vec::new();
    desk.command("everyone -");
    loop {
        desk.trace.clear();
        desk.settle();
        parts.push(desk.trace.matches("volatile").count());
        if !desk.shard.is_broadcasting() {
            break;
        }
        // One of them takes the place of the lost one, the others come behind.
        open(&mut desk, MANY + parts.len());
        desk.handle(Input::TurnEnd);
        desk.trace.clear();
        desk.command("continue");
    }
    assert_eq!(parts.iter().sum::<usize>(), MANY - 1, "{parts:?}");
    assert!(parts.len() > 2 && parts.iter().all(|part| *part <= 256), "{parts:?}");
}
