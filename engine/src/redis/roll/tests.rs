//! Tests of what a node knows of its sessions.

use std::sync::Arc;

use kernel::{
    message::{Audience, Message, NodeRef},
    registry::State,
};
use protocol::{
    grant::{Meta, Policy, SendGrant},
    id::MessageId,
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

fn notice(position: Option<Position>) -> Notice {
    let message = Message {
        id: MessageId::new(Partition(0), 1),
        position,
        data: serde_json::from_str("1").unwrap(),
        at: Timestamp(1),
        from: None,
        echo_of: None,
        to: Audience::All,
        except: None,
        expires_at: None,
    };
    Notice::Message(Arc::new(message))
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

#[test]
fn what_came_is_no_news_but_another_epoch_is_though_it_be_lesser() {
    let roll = Roll::new();
    let alice = UserId::parse("alice").unwrap();
    let is_news = |position| roll.note(&Envelope { user: alice.clone(), notice: notice(position) });
    assert!(is_news(Some(head(1))), "nobody is known to be here");
    roll.add(&alice, &standing(&alice, 1), (head(1), head(1)), 1);
    let news = [1, 2, 2, 1, 3].map(|seq| is_news(Some(head(seq))));
    assert_eq!(news, [false, true, false, false, true]);
    assert!(is_news(Some(Position { epoch: 0, seq: 1 })));
    assert!(is_news(None) && is_news(None), "volatile ones have no position");
}
