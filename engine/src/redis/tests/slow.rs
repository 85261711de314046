//! A server that is slow is not lost: to connect anew would make it slower still.

use kernel::message::Notice;
use protocol::grant::Policy;

use super::{proxy::Proxy, stage::*, *};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_answers_are_late_behind_others_is_not_lost() {
    const SENT: u128 = 1500;
    let hall = Hall::on(&[]).await;
    let proxy = Proxy::before(&hall.server).await;
    let patience = Duration::from_secs(20);
    let lease = Duration::from_secs(20);
    let options = Options { patience, lease, ..options(&proxy.url()) };
    let (engine, node) = hall.engine_with("n0", &options).await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    open(&other, &alice, 1).await;
    let mut health = engine.health();
    health.mark_unchanged();
    proxy.trickle();
    let start = tokio::time::Instant::now();
    let sends = (0..SENT).map(|bits| node.engine.append(&alice, draft(bits)));
    let (sent, proven) = tokio::join!(futures_util::future::join_all(sends), engine.proof());
    assert!(start.elapsed() > Duration::from_millis(1500), "nobody had to wait");
    proven.expect("it is late, and comes");
    assert!(sent.iter().all(Result::is_ok));
    assert!(!health.has_changed().expect("the engine is there"), "{:?}", *health.borrow());
}

#[tokio::test]
async fn a_listener_that_connects_anew_and_has_missed_nothing_repairs_nothing() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let before = send(&node, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, before);
    let repaired = engine.repaired();
    let killed: u32 = hall.server.tell("CLIENT KILL TYPE pubsub").await;
    assert!(killed > 0);
    until_lost(&engine).await;
    until_here(&engine).await;
    assert_eq!(engine.repaired(), repaired);
    let after = send(&node, &alice, 2).await;
    let told = next(&mut node, &alice).await.notice;
    let Notice::Message(message) = told else { panic!("no message: {told:?}") };
    assert_eq!(message.position, Some(after));
}

#[tokio::test]
async fn what_befalls_who_listens_while_leases_are_renewed_costs_no_connection_for_steps() {
    let hall = Hall::on(&[]).await;
    let proxy = Proxy::before(&hall.server).await;
    let (engine, mut node) = hall.engine_with("n0", &options(&proxy.url())).await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    open(&node, &alice, 1).await;
    let host = engine.atlas.host(partition).expect("it is kept");
    let connected = tokio::time::Instant::now();
    // Redis ends a channel when its slot moves, and what it says then looks like an answer.
    proxy.end_channel_at(&script::RENEW, &engine.keys.inbox(partition, &engine.me));
    until_lost(&engine).await;
    until_here(&engine).await;
    // It ends a connection that hears too slowly.
    proxy.end_line_at(&script::RENEW);
    until_lost(&engine).await;
    until_here(&engine).await;
    assert!(host.link.is_there_since(connected), "it was connected anew");
    let sent = send(&node, &alice, 2).await;
    assert_eq!(next_position(&mut node, &alice).await, sent);
}

#[tokio::test]
async fn a_step_more_than_a_server_is_asked_for_waits_and_is_not_done() {
    let hall = Hall::on(&[]).await;
    let patience = Duration::from_secs(1);
    let (engine, node) = hall.engine_with("n0", &Options { patience, ..hall.options() }).await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let host = engine.atlas.host(partition).expect("it is kept");
    let all = u32::try_from(host.steps.available_permits()).expect("they are not many");
    let taken = host.steps.acquire_many(all).await.expect("there is no end of them");
    let ticket = Ticket::new(partition, 1);
    let mint = || node.engine.mint(ticket, grant(&alice, Policy::MULTI), hall.lease);
    assert_eq!(mint().await, Err(Failed::NotDone.into()));
    let (minted, ()) = tokio::join!(mint(), async { drop(taken) });
    minted.expect("it is its turn");
}
