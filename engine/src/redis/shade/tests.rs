//! Who can open what is sealed.

use protocol::partition::Partition;

use super::*;

#[test]
fn a_sealed_token_is_told_to_whoever_has_the_ticket() {
    let (one, other) = (Ticket::new(Partition(3), 1), Ticket::new(Partition(3), 2));
    let session = SessionId::new(Partition(3), 7);
    let secret = ResumeToken::new(Partition(3), u128::MAX);
    let sealed = seal(one, session, secret);
    assert_eq!(unseal(one, session, &sealed), Some(secret));
    assert_ne!(unseal(other, session, &sealed), Some(secret));
    for foreign in ["", "xx", "é", "0"] {
        assert_eq!(unseal(one, session, foreign), None);
    }
}
