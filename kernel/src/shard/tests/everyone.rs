//! Everyone: one message for all, in parts.

use std::collections::BTreeMap;

use expect_test::expect;

use super::{Desk, Input, Output, check, check_with, options};
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

/// So many sessions that have their `welcome`.
fn crowd(many: usize) -> Desk {
    let mut desk = Desk::new(options());
    (1..=many).for_each(|n| open(&mut desk, n));
    desk.trace.clear();
    desk
}

fn open(desk: &mut Desk, n: usize) {
    for command in [format!("open s{n} session={n} user=u{n}"), format!("read s{n}")] {
        desk.command(&command);
        desk.settle();
        desk.handle(Input::TurnEnd);
    }
}

#[test]
fn it_goes_in_parts_and_not_to_those_who_come_between() {
    const MANY: usize = 600;
    let mut desk = crowd(MANY);
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
    assert!(parts.len() > 2 && parts.iter().all(|part| *part <= 64), "{parts:?}");
}

#[test]
fn those_under_way_together_leave_together_and_in_order() {
    const MANY: usize = 200;
    let mut desk = crowd(MANY);
    let (mut sends, mut flushes) = (0, 0);
    let mut said: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for turn in 0.. {
        // The second and the third join when the first is on its way.
        desk.command(match turn {
            0 => "everyone - bytes=1",
            1 => "everyone - bytes=2",
            2 => "everyone - bytes=3",
            _ => "continue",
        });
        desk.handle(Input::TurnEnd);
        while let Some(output) = desk.shard.poll() {
            let (slot, frames) = if let Output::Send(slot, frame) = output {
                sends += 1;
                (slot, frame.to_vec())
            } else if let Output::Flush(slot) = output {
                flushes += 1;
                let frames = desk.shard.outbox(slot).unwrap().slices().collect::<Vec<_>>().concat();
                desk.handle(Input::Took(slot, frames.len()));
                (slot, frames)
            } else {
                panic!("{output:?}")
            };
            let frames = String::from_utf8(frames).unwrap();
            said.entry(slot.index).or_default().extend(frames.lines().map(str::to_owned));
        }
        if !desk.shard.is_broadcasting() {
            break;
        }
    }
    assert_eq!(said.len(), MANY);
    for frames in said.values() {
        assert_eq!(frames[..], ["volatile x", "volatile xx", "volatile xxx"]);
    }
    // Only where the others have not come yet, or where the first has ended, one goes alone.
    assert_eq!((sends, flushes), (64 + 64, MANY));
}

#[test]
fn another_may_join_as_long_as_whoever_keeps_up_has_room_for_all() {
    let mut desk = crowd(100);
    assert!(desk.shard.takes_broadcasts());
    for _ in 0..4 {
        assert!(desk.shard.takes_broadcasts());
        desk.command("everyone - bytes=60000");
    }
    assert!(desk.shard.is_broadcasting() && !desk.shard.takes_broadcasts());
    while desk.shard.is_broadcasting() {
        desk.settle();
        desk.handle(Input::TurnEnd);
        desk.command("continue");
    }
    desk.settle();
    desk.handle(Input::TurnEnd);
    desk.settle();
    assert_eq!(desk.shard.counts().dropped, 0);
    assert_eq!(desk.shard.counts().delivered, 400);
    assert!(desk.shard.takes_broadcasts());
}
