//! Leases: what a node does without one, or right after all had lost theirs.

use kernel::registry::Proof;
use protocol::grant::{Policy, WhenFull};

use super::{
    nodes::{LEASE, hall_of_short_leases, sweep},
    stage::*,
    *,
};
use crate::tenure::Renewal;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_lease_a_node_admits_nobody() {
    let hall = hall_of_short_leases().await;
    let (_, frozen) = hall.engine("n0").await;
    let alice = user("alice");
    let ticket = mint(&frozen, &alice, 1).await;
    hall.stop("n0");
    hall.pass(LEASE).await;
    let refused = place(&frozen, Proof::Ticket(ticket, None), 1).await;
    assert_eq!(refused, Err(NotAdmitted::Failed(Failed::NotDone)));
    let (_, node) = hall.engine("n1").await;
    place(&node, Proof::Ticket(ticket, None), 2).await.expect("the ticket was not spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_no_step_takes_a_node_for_lost_that_had_no_turn_yet() {
    let hall = hall_of_short_leases().await;
    let (engine, node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let full = Policy { when_full: WhenFull::Reject, ..Policy::SINGLE };
    let mut tickets = Vec::new();
    for bits in [1, 2] {
        let (ticket, ttl) = (Ticket::new(partition, bits), Duration::from_secs(60));
        node.engine.mint(ticket, grant(&alice, full), ttl).await.unwrap();
        tickets.push(Proof::Ticket(ticket, None));
    }
    let opened = place(&other, tickets[0], 1).await.expect("there is a place");
    // To both of them Redis is silent; then one has its turn before the other.
    let before = engine.tenure.look(partition);
    for name in ["n0", "n1"] {
        hall.freeze(name, true);
    }
    hall.pass(LEASE).await;
    hall.freeze("n0", false);
    let renewed = async {
        while engine.tenure.look(partition).is_none_or(|now| Some(now) == before) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LEASE * 3, renewed).await.expect("it is renewed");
    let refused = place(&node, tickets[1], 2).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::LimitReached)), "she is there");
    mint(&node, &alice, 3).await;
    sweep(&node).await;
    assert_eq!(engine.orphans(), [], "nobody is taken for lost");
    // If it stays away for a lease more, it is lost.
    let placed = async {
        while place(&node, tickets[1], 2).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LEASE * 3, placed).await.expect("its place is free");
    hall.freeze("n1", false);
    let gone = other.engine.depart(opened.fenced, Departure::Park).await;
    assert_eq!(gone, Ok(Departed::Void));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_sends_is_void_when_its_node_has_no_lease_of_it() {
    let hall = hall_of_short_leases().await;
    let (_, node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let by = Some(open(&node, &alice, 1).await.fenced.session);
    open(&other, &bob, 2).await;
    let said = |bits| Draft { by, from: Some(user("alice")), ..draft(bits) };
    node.engine.append(&bob, said(1)).await.expect("its lease is held");
    hall.freeze("n0", true);
    hall.pass(LEASE).await;
    let void = node.engine.append(&bob, said(2)).await;
    assert_eq!(void, Err(NotAppended::Failed(Failed::NotDone)));
    node.engine.append(&bob, draft(3)).await.expect("a backend needs no lease");
    hall.freeze("n0", false);
    let again = async {
        while node.engine.append(&bob, said(4)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LEASE * 3, again).await.expect("it is held again");
}

#[tokio::test]
async fn what_a_session_sends_is_judged_by_its_lease_though_servers_have_other_clocks() {
    let hall = hall_of_short_leases().await;
    let (engine, node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let (sent_in, kept_in) = (Partition::of(&alice), Partition::of(&bob));
    assert_ne!(sent_in, kept_in);
    let by = Some(open(&node, &alice, 1).await.fenced.session);
    open(&other, &bob, 2).await;
    let said = |bits| Draft { by, from: Some(user("alice")), ..draft(bits) };
    hall.freeze("n0", true);
    for (bits, of_her) in [(1, -10_000), (2, 10_000)] {
        // As her server says whose clock is another one than his server's.
        let now: (u64, u64) = hall.server.tell("TIME").await;
        let until = Timestamp(now.0 * 1000).after(LEASE).0.saturating_add_signed(of_her);
        let renewal = Renewal { sent: engine.tenure.now(), lapsed: false, until: Timestamp(until) };
        engine.tenure.renewed(sent_in, renewal);
        node.engine.append(&bob, said(bits)).await.expect("its lease is held");
    }
    hall.pass(LEASE).await;
    let void = node.engine.append(&bob, said(3)).await;
    assert_eq!(void, Err(NotAppended::Failed(Failed::NotDone)));
}
