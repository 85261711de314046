//! Failover: what a user had before a primary was lost, and what of it is good afterwards.

use kernel::registry::{Admitted, Proof};
use protocol::{frame::GapReason, position::Position};

use super::*;

/// A session of a user, a ticket that is not spent, and a message that arrived.
pub(super) struct Before {
    user: UserId,
    opened: Admitted,
    ticket: Ticket,
    sent: Position,
}

impl Before {
    /// At a node; the message comes by another one.
    pub(super) async fn at(node: &mut Node, other: &Node, user: &UserId) -> Self {
        let opened = open(node, user, 1).await;
        let ticket = mint(node, user, 2).await;
        let sent = send(other, user, 1).await;
        assert_eq!(next_position(node, user).await, sent);
        Self { user: user.clone(), opened, ticket, sent }
    }

    /// None of it is good twice, and that something may be lost is told. Returns the position of a
    /// message that was sent afterwards.
    pub(super) async fn is_not_good_twice(&self, node: &mut Node, other: &Node) -> Position {
        is_not_good_now(node, self.ticket).await;
        let after = send_at_last(other, &self.user, 5).await;
        assert!(after.epoch > self.sent.epoch, "{after} after {}", self.sent);
        assert_eq!(next_message(node, &self.user).await, after);
        let (user, fenced) = (self.user.clone(), self.opened.fenced);
        let reader = Reader { user, fenced, after: self.sent };
        let page = node.engine.read(&reader, 10, 1000).await.unwrap();
        let gap = page.expect("the session was kept").gap.expect("it is told");
        assert_eq!(gap.reason, GapReason::Epoch);
        after
    }
}

/// A ticket of before admits nobody, as soon as its partition can be used.
pub(super) async fn is_not_good_now(node: &Node, ticket: Ticket) {
    let tried = place_at_last(node, Proof::Ticket(ticket, None), 9).await;
    assert_eq!(tried, Err(NotAdmitted::Refused(CloseCode::TicketUnknown)));
}
