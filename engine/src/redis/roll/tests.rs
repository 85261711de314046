//! Tests of what a node knows of its sessions.

use kernel::{message::NodeRef, registry::State};
use protocol::{
    grant::{Meta, Policy, SendGrant},
    time::Timestamp,
};

use super::*;

fn standing(user: &UserId, bits: u128) -> Standing {
    let partition = Partition::of(user);
    let at = Timestamp(1);
    Standing {
        id: SessionId::new(partition, bits),
        device: None,
        class: None,
        state: State::Live(NodeRef { id: "n1".into(), generation: 1 }.into()),
        fence: Fence(1),
        created_at: at,
        connected_at: at,
        active_at: at,
        ends_at: at,
        policy: Policy::default(),
        joined: Position::default(),
        token: ResumeToken::new(partition, bits),
        previous_token: None,
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        first: false,
        acked: None,
        held_until: None,
        origin: None,
        send: SendGrant::None,
        meta: Meta::default(),
        probe: None,
    }
}

fn head(seq: u64) -> Position {
    Position { epoch: 1, seq }
}

#[test]
fn a_newcomer_does_not_make_up_for_what_others_have_not_heard() {
    let roll = Roll::new();
    let alice = UserId::parse("alice").unwrap();
    let (first, second) = (standing(&alice, 1), standing(&alice, 2));
    let add = |one: &Standing, seq| roll.add(&alice, one, (head(0), head(seq)), 1);
    let fenced = |one: &Standing| Fenced { session: one.id, fence: one.fence };
    add(&first, 5);
    add(&second, 9);
    let users = roll.users(Partition::of(&alice));
    assert_eq!(users[0].1.seen, head(5), "the first has not heard of 6 to 9");
    roll.remove(fenced(&first));
    roll.remove(fenced(&second));
    add(&second, 9);
    assert_eq!(roll.users(Partition::of(&alice))[0].1.seen, head(9));
}

#[test]
fn a_session_is_known_as_the_registry_had_it_last() {
    let roll = Roll::new();
    let alice = UserId::parse("alice").unwrap();
    let admitted = standing(&alice, 1);
    roll.add(&alice, &admitted, (head(3), head(3)), 1);
    let confirmed = Standing { active_at: Timestamp(2), joined: head(3), ..admitted.clone() };
    roll.update(&confirmed, 2);
    let late = Standing { fence: Fence(2), ..admitted };
    roll.update(&late, 3);
    let users = roll.users(Partition::of(&alice));
    let mine = &users[0].1.sessions[&confirmed.id];
    assert_eq!((mine.standing(confirmed.id), mine.epoch), (Ok(confirmed), 2));
}
