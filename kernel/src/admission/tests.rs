//! Who yields: a table of policies and places.

use expect_test::{Expect, expect};
use protocol::limit;

use super::*;
use crate::fixture::{Words, class, device, session, short};

/// A line of `places` is a session: its number, when it was created, and perhaps `device=`,
/// `class=` and `parked=`.
fn check(policy: &str, places: &str, expect: &Expect) {
    let words = Words::of(policy);
    let policy = Policy {
        max: u32::try_from(words.number("max", 1)).unwrap(),
        per: match words.nth(0) {
            "user" => Scope::User,
            "class" => Scope::Class,
            _ => Scope::Device,
        },
        when_full: if words.has("reject") { WhenFull::Reject } else { WhenFull::Replace },
    };
    let (of_device, of_class) =
        (words.value("device").map(device), words.value("class").map(class));
    let newcomer = Newcomer { device: of_device.as_ref(), class: of_class.as_ref() };
    let lines: Vec<_> = places
        .split(';')
        .map(Words::of)
        .map(|words| (words.value("device").map(device), words.value("class").map(class), words))
        .collect();
    let places: Vec<_> = lines
        .iter()
        .map(|(device, class, words)| Place {
            id: session(words.nth(0).parse().unwrap()),
            device: device.as_ref(),
            class: class.as_ref(),
            created_at: Timestamp(words.nth(1).parse().unwrap()),
            parked_at: words.value("parked").map(|at| Timestamp(at.parse().unwrap())),
        })
        .collect();
    let decision = match decide(&policy, limit::SESSIONS_PER_USER_MAX, newcomer, &places) {
        Decision::Full { holders, max } => {
            let holders: Vec<_> = holders.iter().map(short).collect();
            match holders.len() {
                ..5 => format!("full, {} hold {max}", holders.join(" ")),
                many => format!("full, {many} hold {max}"),
            }
        }
        Decision::Admit { yielding } => {
            format!("admit, {}", yielding.iter().map(short).collect::<Vec<_>>().join(" "))
        }
    };
    expect.assert_eq(&decision);
}

const THREE: &str = "1 10; 2 20; 3 30";

#[test]
fn nobody_yields_while_there_is_room() {
    check("user max=4", THREE, &expect!["admit, "]);
    check("user max=4 reject", THREE, &expect!["admit, "]);
}

#[test]
fn the_oldest_yields_to_one_more() {
    check("user max=3", THREE, &expect!["admit, s1"]);
    check("user max=2", THREE, &expect!["admit, s1 s2"]);
    check("user max=1", "3 30; 1 10; 2 20", &expect!["admit, s1 s2 s3"]);
}

#[test]
fn a_live_session_does_not_yield_to_one_that_must_be_rejected() {
    check("user max=3 reject", THREE, &expect!["full, s1 s2 s3 hold 3"]);
    check("user max=1 reject", "1 10; 2 20 parked=25", &expect!["full, s1 hold 1"]);
}

#[test]
fn parked_sessions_yield_first_the_longest_parked_before_others() {
    check("user max=3", "1 10; 2 20 parked=50; 3 30 parked=40", &expect!["admit, s3"]);
    check("user max=2", "1 10; 2 20 parked=50; 3 30 parked=40", &expect!["admit, s3 s2"]);
    check("user max=1", "1 10; 2 20 parked=50; 3 30 parked=40", &expect!["admit, s3 s2 s1"]);
    check("user max=2 reject", "1 10; 2 20 parked=50; 3 30 parked=40", &expect!["admit, s3 s2"]);
}

#[test]
fn then_those_of_the_same_device_then_the_oldest() {
    check("user max=3 device=d", "1 10; 2 20 device=e; 3 30 device=d", &expect!["admit, s3"]);
    check("user max=2 device=d", "1 10; 2 20 device=d; 3 30 device=d", &expect!["admit, s2 s3"]);
    check("user max=1 device=d", "1 10 device=d; 2 5; 3 30 parked=35", &expect!["admit, s3 s1 s2"]);
    check("user max=3", "1 10 device=d; 2 20; 3 30", &expect!["admit, s1"]);
}

#[test]
fn a_class_counts_alone() {
    let places = "1 10 class=phone; 2 20 class=desk; 3 30 class=phone; 4 40";
    check("class max=2 class=phone", places, &expect!["admit, s1"]);
    check("class max=1 class=phone", places, &expect!["admit, s1 s3"]);
    check("class max=1 class=desk", places, &expect!["admit, s2"]);
    check("class max=1 class=desk reject", places, &expect!["full, s2 hold 1"]);
    check("class max=1 class=tv reject", places, &expect!["admit, "]);
    check("class max=1", places, &expect!["admit, s4"]);
}

#[test]
fn a_device_counts_alone() {
    let places = "1 10 device=d; 2 20 device=e; 3 30";
    check("device max=1 device=d", places, &expect!["admit, s1"]);
    check("device max=1 device=x", places, &expect!["admit, "]);
    check("device max=1", places, &expect!["admit, s3"]);
}

#[test]
fn a_user_has_no_more_than_the_bound_in_all_scopes() {
    let many = |count: u32, parked: &str| {
        let line = |n| format!("{n} {n} device=d{n} {parked}");
        (1..=count).map(line).collect::<Vec<_>>().join(";")
    };
    check("device max=1 device=x", &many(127, ""), &expect!["admit, "]);
    check("device max=1 device=x", &many(128, ""), &expect!["admit, s1"]);
    check("device max=1 device=x", &many(130, ""), &expect!["admit, s1 s2 s3"]);
    check("device max=1 device=d9", &many(128, ""), &expect!["admit, s9"]);
    check("device max=1 device=d9", &many(129, ""), &expect!["admit, s9 s1"]);
    check("device max=1 device=x reject", &many(128, ""), &expect!["full, 128 hold 128"]);
    check("device max=1 device=x reject", &many(128, "parked=200"), &expect!["admit, s1"]);
    check("user max=4000000000", &many(128, ""), &expect!["admit, s1"]);
}
