//! Leases: what a node does without one, or right after all had lost theirs.

use kernel::registry::Proof;
use protocol::grant::{Policy, WhenFull};

use super::{
    nodes::{LEASE, hall_of_short_leases, steady, until_lapsed},
    stage::*,
    *,
};
use crate::tenure::Renewal;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_lease_a_node_admits_nobody() {
    let hall = hall_of_short_leases().await;
    let (stopped, frozen) = hall.engine("n0").await;
    let alice = user("alice");
    let ticket = mint(&frozen, &alice, 1).await;
    hall.stop("n0");
    until_lapsed(&hall, &stopped, Partition::of(&alice)).await;
    let refused = place(&frozen, Proof::Ticket(ticket, None), 1).await;
    assert_eq!(refused, Err(NotAdmitted::Failed(Failed::NotDone)));
    let (_, node) = steady(&hall, "n1").await;
    place(&node, Proof::Ticket(ticket, None), 2).await.expect("the ticket was not spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_no_step_takes_a_node_for_lost_that_had_no_turn_yet() {
    let hall = hall_of_short_leases().await;
    let (engine, node) = hall.engine("n0").await;
    let (silent, other) = hall.engine("n1").await;
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
    for one in [&engine, &silent] {
        until_lapsed(&hall, one, partition).await;
    }
    hall.freeze("n0", false);
    until("it is renewed", || async {
        engine.tenure.look(partition).is_some_and(|now| Some(now) != before)
    })
    .await;
    let refused = place(&node, tickets[1], 2).await;
    let is_there = matches!(
        refused,
        Err(NotAdmitted::Refused(CloseCode::LimitReached) | NotAdmitted::Asked(_))
    );
    assert!(is_there, "{refused:?}");
    mint(&node, &alice, 3).await;
    engine.sweep_next(usize::from(partition.0)).await.expect("it is swept");
    assert_eq!(engine.orphans(), [], "nobody is taken for lost");
    // If it stays away for a lease more, it is lost.
    until("its place is free", || async { place(&node, tickets[1], 2).await.is_ok() }).await;
    hall.freeze("n1", false);
    let gone = other.engine.depart(opened.fenced, Departure::Park).await;
    assert_eq!(gone, Ok(Departed::Void));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_sends_is_void_when_its_node_has_no_lease_of_it() {
    let hall = hall_of_short_leases().await;
    let (frozen, node) = hall.engine("n0").await;
    let (_, other) = steady(&hall, "n1").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let by = Some(open(&node, &alice, 1).await.fenced.session);
    open(&other, &bob, 2).await;
    let said = |bits| Draft { by, from: Some(user("alice")), ..draft(bits) };
    until("its lease is held", || async { node.engine.append(&bob, said(1)).await.is_ok() }).await;
    hall.freeze("n0", true);
    until_lapsed(&hall, &frozen, Partition::of(&alice)).await;
    let void = node.engine.append(&bob, said(2)).await;
    assert_eq!(void, Err(NotAppended::Failed(Failed::NotDone)));
    node.engine.append(&bob, draft(3)).await.expect("a backend needs no lease");
    hall.freeze("n0", false);
    until("it is held again", || async { node.engine.append(&bob, said(4)).await.is_ok() }).await;
}

#[tokio::test]
async fn what_a_session_sends_is_judged_by_its_lease_though_servers_have_other_clocks() {
    let mut hall = hall_of_short_leases().await;
    hall.lease = LEASE * 3;
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
        let until = Timestamp(now.0 * 1000).after(hall.lease).0.saturating_add_signed(of_her);
        let renewal = Renewal { sent: engine.tenure.now(), lapsed: false, until: Timestamp(until) };
        engine.tenure.renewed(sent_in, renewal);
        node.engine.append(&bob, said(bits)).await.expect("its lease is held");
    }
    hall.pass(hall.lease).await;
    let void = node.engine.append(&bob, said(3)).await;
    assert_eq!(void, Err(NotAppended::Failed(Failed::NotDone)));
}
