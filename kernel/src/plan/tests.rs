//! Who gets a message: a table of audiences and members, and the order in which `active` looks.

use super::*;
use crate::fixture::{audience, class, device, message, position, session};

/// Members 1 to 4: on device d of class c, on device e of class c, on no device of no class, and on
/// device d but joined at position 5.
fn check(message: &Message, expected: &[u128]) {
    let (d, e, c) = (device("d"), device("e"), class("c"));
    let member = |id, device, class, joined| Member {
        id: session(id),
        device,
        class,
        joined: position(joined),
    };
    let members = [
        member(1, Some(&d), Some(&c), "0"),
        member(2, Some(&e), Some(&c), "0"),
        member(3, None, None, "0"),
        member(4, Some(&d), None, "5"),
    ];
    let got: Vec<_> =
        (1..).zip(&members).filter(|(_, m)| matches(message, m)).map(|(n, _)| n).collect();
    assert_eq!(got, expected, "{message:?}");
}

fn to(text: &str, seq: u64) -> Message {
    Message { to: audience(text), ..message(seq) }
}

#[test]
fn a_message_is_for_its_audience() {
    check(&to("all", 9), &[1, 2, 3, 4]);
    check(&to("device:d", 9), &[1, 4]);
    check(&to("device:x", 9), &[]);
    check(&to("class:c", 9), &[1, 2]);
    check(&to("class:d", 9), &[]);
    check(&to("session:3", 9), &[3]);
    check(&to("session:9", 9), &[]);
}

#[test]
fn a_message_is_not_for_the_one_that_it_excepts() {
    let except = |n| Some(session(n));
    check(&Message { except: except(1), ..to("all", 9) }, &[2, 3, 4]);
    check(&Message { except: except(1), ..to("device:d", 9) }, &[4]);
    check(&Message { except: except(3), ..to("session:3", 9) }, &[]);
    check(&Message { except: except(9), ..to("all", 9) }, &[1, 2, 3, 4]);
}

#[test]
fn what_came_before_a_session_joined_is_not_for_it() {
    check(&to("all", 5), &[1, 2, 3]);
    check(&to("all", 6), &[1, 2, 3, 4]);
    check(&to("session:4", 5), &[]);
    let later_epoch = Message { position: Some(position("2.1")), ..message(1) };
    check(&later_epoch, &[1, 2, 3, 4]);
}

#[test]
fn a_volatile_message_has_no_place_to_be_before() {
    check(&Message { position: None, ..to("all", 0) }, &[1, 2, 3, 4]);
    check(&Message { position: None, ..to("device:d", 0) }, &[1, 4]);
}

/// Candidates as (live, active at, created at); their ids count from 1.
fn check_active(candidates: &[(bool, u64, u64)], expected: Option<u128>) {
    let candidates = (1..).zip(candidates).map(|(n, (live, active, created))| Candidate {
        id: session(n),
        live: *live,
        active_at: Timestamp(*active),
        created_at: Timestamp(*created),
    });
    let settled = settle(Target::Active, candidates);
    assert_eq!(settled, expected.map(|n| Audience::Session(session(n))));
}

#[test]
fn active_is_a_live_session_before_a_parked_one() {
    check_active(&[(true, 1, 1), (false, 9, 9)], Some(1));
    check_active(&[(false, 1, 1), (false, 9, 2)], Some(2));
    check_active(&[], None);
}

#[test]
fn active_is_the_latest_activity_then_the_newest() {
    check_active(&[(true, 5, 1), (true, 7, 0), (true, 6, 5)], Some(2));
    check_active(&[(true, 2, 1), (true, 9, 9)], Some(1));
    check_active(&[(true, 5, 1), (true, 5, 5), (true, 5, 3)], Some(3));
    check_active(&[(true, 5, 5), (true, 5, 5)], Some(2));
}

#[test]
fn other_targets_are_settled_as_they_are() {
    let nobody = || std::iter::empty();
    assert_eq!(settle(Target::All, nobody()), Some(Audience::All));
    let expected = Some(Audience::Device(device("d")));
    assert_eq!(settle(Target::Device(device("d")), nobody()), expected);
    let expected = Some(Audience::Class(class("c")));
    assert_eq!(settle(Target::Class(class("c")), nobody()), expected);
    let expected = Some(Audience::Session(session(1)));
    assert_eq!(settle(Target::Session(session(1)), nobody()), expected);
}
