//! Tests of what a node knows of its sessions.

use protocol::grant::SendGrant;

use super::*;

fn admitted(bits: u128) -> Admitted {
    let user = UserId::parse("alice").unwrap();
    let partition = Partition::of(&user);
    Admitted {
        fenced: Fenced { session: SessionId::new(partition, bits), fence: Fence(1) },
        user,
        device: None,
        class: None,
        send: SendGrant::None,
        joined: Position::default(),
        after: Position::default(),
        replay: false,
        resumed: false,
        first: false,
        token: ResumeToken::new(partition, bits),
    }
}

fn head(seq: u64) -> Position {
    Position { epoch: 1, seq }
}

#[test]
fn a_newcomer_does_not_make_up_for_what_others_have_not_heard() {
    let roll = Roll::new();
    let (first, second) = (admitted(1), admitted(2));
    roll.add(&first, head(5));
    roll.add(&second, head(9));
    let users = roll.users(Partition::of(&first.user));
    assert_eq!(users[0].1.seen, head(5), "the first has not heard of 6 to 9");
    roll.remove(first.fenced);
    roll.remove(second.fenced);
    roll.add(&second, head(9));
    assert_eq!(roll.users(Partition::of(&first.user))[0].1.seen, head(9));
}
