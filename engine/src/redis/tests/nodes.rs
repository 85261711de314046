//! Nodes that go, with a word or without; and what is sent to how many of them.

use std::collections::HashMap;

use kernel::registry::{Mail, Proof, Registry};
use protocol::{
    http::{self, NodeState, SessionState},
    position::Position,
};

use super::{stage::*, *};
use crate::{
    fleet::{Fate, Fleet, Orphan},
    mailbox::Letter,
};

/// Short, so that tests do not wait long for one to lapse.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// Long enough to be held though this machine does nothing for a while.
const STEADY: Duration = Duration::from_secs(4);

pub(super) async fn hall_of_short_leases() -> Hall {
    let mut hall = Hall::on(&[]).await;
    hall.lease = LEASE;
    hall
}

/// A node that keeps its leases, among those whose leases are short.
pub(super) async fn steady(hall: &Hall, name: &str) -> (Arc<Redis>, Node) {
    hall.engine_with(name, &Options { lease: STEADY, ..hall.options() }).await
}

/// Waits until a node that does nothing any more has no lease of a partition, as Redis sees it: a
/// renewal may have been on its way.
pub(super) async fn until_lapsed(hall: &Hall, engine: &Redis, partition: Partition) {
    let lease =
        redis::cmd("HGET").arg(engine.keys.lease(partition)).arg(engine.me.to_string()).clone();
    until("its lease lapses", || async {
        let until: Option<u64> = hall.server.ask(&lease).await;
        let (seconds, micros): (u64, u64) = hall.server.tell("TIME").await;
        until.is_none_or(|until| until <= seconds * 1000 + micros / 1000)
    })
    .await;
}

async fn shown(node: &Node, user: &UserId) -> Vec<SessionState> {
    let sessions = node.engine.sessions(&Query::User(user.clone())).await.unwrap();
    sessions.iter().map(|session| session.state).collect()
}

/// The same when nodes that are lost are taken for lost.
async fn sweep_settled(engine: &Redis, node: &Node) -> Vec<Ended> {
    let is_settled = || Partition::all().all(|one| engine.tenure.is_settled(one));
    until("it is settled", || async { is_settled() }).await;
    node.sweep().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_node_that_is_lost_are_parked_and_then_ended() {
    let hall = hall_of_short_leases().await;
    let (lost, gone) = hall.engine("n0").await;
    let (engine, node) = steady(&hall, "n1").await;
    let alice = user("alice");
    let (other, stays) = (open(&gone, &alice, 1).await, open(&gone, &alice, 2).await);
    let here = open(&node, &alice, 3).await;
    hall.stop("n0");
    until_lapsed(&hall, &lost, Partition::of(&alice)).await;
    assert_eq!(
        shown(&node, &alice).await.iter().filter(|s| **s == SessionState::Parked).count(),
        2
    );
    let receipt = node.engine.append(&alice, draft(1)).await.unwrap();
    assert_eq!((receipt.live, receipt.parked), (1, 2));
    let census = node.engine.census().await.unwrap();
    assert_eq!((census.users, census.live, census.parked), (1, 1, 2));
    assert_eq!(sweep_settled(&engine, &node).await, [], "they may resume");
    let resumed = place(&node, Proof::Resume(stays.token, stays.joined), 4).await;
    let resumed = resumed.expect("on another node");
    hall.pass(hall.terms().resume_window).await;
    let ended: Vec<_> = sweep_settled(&engine, &node)
        .await
        .into_iter()
        .map(|one| (one.session, one.code))
        .collect();
    assert_eq!(ended, [(other.fenced.session, CloseCode::CannotResume)]);
    sweep_settled(&engine, &node).await;
    let leases: HashMap<String, u64> =
        hall.server.ask(redis::cmd("HGETALL").arg(engine.keys.lease(Partition::of(&alice)))).await;
    assert_eq!(leases.keys().collect::<Vec<_>>(), [&engine.me.to_string()]);
    let late = gone.engine.depart(stays.fenced, Departure::Park).await;
    assert_eq!(late, Ok(Departed::Void), "a removal removes only what is the remover's");
    assert_eq!(shown(&node, &alice).await, [SessionState::Live; 2]);
    for one in [here, resumed] {
        let end = Departure::End(CloseCode::CannotResume);
        assert!(matches!(node.engine.depart(one.fenced, end).await, Ok(Departed::Ended { .. })));
    }
    drop(lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sweep_of_a_partition_parks_all_that_a_lost_node_left() {
    const LEFT: usize = 300;
    let mut hall = Hall::on(&[]).await;
    hall.lease = LEASE * 2;
    let (lost, gone) = hall.engine("n0").await;
    let (engine, node) = steady(&hall, "n1").await;
    let partition = Partition::of(&user("alice"));
    let users = (0..).map(|n| user(&format!("user-{n}")));
    let users = users.filter(|user| Partition::of(user) == partition);
    for (bits, user) in (1..).zip(users.take(LEFT)) {
        open(&gone, &user, bits).await;
    }
    hall.stop("n0");
    until_lapsed(&hall, &lost, partition).await;
    sweep_settled(&engine, &node).await;
    assert_eq!(engine.orphans().len(), LEFT);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_parks_the_sessions_of_a_lost_node_tells_of_them_once() {
    let hall = hall_of_short_leases().await;
    let (lost, gone) = hall.engine("n0").await;
    let (second, node) = steady(&hall, "n1").await;
    let (third, other) = steady(&hall, "n2").await;
    let alice = user("alice");
    let session = open(&gone, &alice, 1).await.fenced.session;
    hall.stop("n0");
    until_lapsed(&hall, &lost, Partition::of(&alice)).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        for (engine, one) in [(&second, &node), (&third, &other)] {
            sweep_settled(engine, one).await;
        }
        told.extend([second.orphans(), third.orphans()].concat());
    }
    let (node, fate) = (Arc::clone(&lost.me), Fate::Parked);
    assert_eq!(told, [Orphan { session, user: alice, node, fate }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_node_whose_sessions_went_before_they_were_swept() {
    let hall = hall_of_short_leases().await;
    let (lost, gone) = hall.engine("n0").await;
    let (engine, node) = steady(&hall, "n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let fenced = open(&gone, &alice, 1).await.fenced;
    hall.stop("n0");
    // As when they last for less long than it took to start a node again.
    let kept = [engine.keys.user(partition, Some(&alice)), engine.keys.session(fenced.session)];
    let deleted: u32 = hall.server.ask(redis::cmd("DEL").arg(&kept)).await;
    assert_eq!(deleted, 2);
    until("she is on no list", || async {
        node.sweep().await;
        node.engine.census().await.unwrap().users == 0
    })
    .await;
    let here = redis::cmd("EXISTS").arg(engine.keys.node(partition, &lost.me.to_string())).clone();
    let lease =
        redis::cmd("HEXISTS").arg(engine.keys.lease(partition)).arg(lost.me.to_string()).clone();
    until("it is forgotten", || async {
        node.sweep().await;
        !hall.server.ask::<bool>(&here).await && !hall.server.ask::<bool>(&lease).await
    })
    .await;
    // Somebody tells it something still.
    let notice = kernel::message::Notice::Probed(fenced);
    let envelope = kernel::message::Envelope { user: alice.clone(), notice };
    let mail = Mail { node: Arc::clone(&lost.me), envelope };
    let step = |_, _: &mut Registry| ((), vec![mail.clone()]);
    engine.take(look::Look::at(&alice), step::Manner::default(), step).await.unwrap();
    let mail: Vec<String> =
        hall.server.ask(redis::cmd("HKEYS").arg(engine.keys.mail(partition))).await;
    assert_eq!(mail, [engine.me.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_parks_its_sessions_at_once() {
    let hall = Hall::on(&[]).await;
    let (leaves, gone) = hall.engine("n0").await;
    let (_, node) = hall.engine("n1").await;
    let alice = user("alice");
    open(&gone, &alice, 1).await;
    hall.stop("n0");
    leaves.leave().await.unwrap();
    assert_eq!(shown(&node, &alice).await, [SessionState::Parked]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_renews_no_lease_any_more() {
    let hall = hall_of_short_leases().await;
    let (leaves, gone) = hall.engine("n0").await;
    let (_, node) = steady(&hall, "n1").await;
    let alice = user("alice");
    open(&gone, &alice, 1).await;
    let entry = http::Node {
        node: "n0".to_owned(),
        generation: 1,
        state: NodeState::Ready,
        sessions: 1,
        url: None,
        started_at: Timestamp(1),
        version: String::new(),
    };
    leaves.report(&entry).await.unwrap();
    // Something that it tells is under way.
    let staying = leaves.staying.read().await;
    let mut left = std::pin::pin!(leaves.leave());
    let waits = tokio::time::timeout(LOOKS, &mut left).await;
    waits.expect_err("it waits for that");
    assert_eq!(shown(&node, &alice).await, [SessionState::Live]);
    drop(staying);
    left.await.unwrap();
    // Its tasks go on.
    leaves.report(&entry).await.unwrap();
    hall.pass(LEASE).await;
    assert_eq!(shown(&node, &alice).await, [SessionState::Parked]);
    assert!(leaves.nodes().await.unwrap().is_empty(), "it is not listed");
}

#[tokio::test]
async fn a_block_that_is_over_leaves_the_list() {
    let hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let time = Duration::from_millis(50);
    for blocking in [Blocking::Set(None), Blocking::Set(Some(time))] {
        node.engine.block(&alice, blocking).await.unwrap();
        node.sweep().await;
    }
    let list = redis::cmd("ZCARD").arg(engine.keys.blocks(Partition::of(&alice))).clone();
    hall.pass(time).await;
    node.sweep().await;
    assert_eq!(hall.server.ask::<u32>(&list).await, 0);
    let key = engine.keys.block(&alice);
    assert!(!hall.server.ask::<bool>(redis::cmd("EXISTS").arg(key)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_frozen_learns_what_became_of_its_sessions() {
    let hall = hall_of_short_leases().await;
    let (frozen, mut node) = hall.engine("n0").await;
    let (engine, other) = steady(&hall, "n1").await;
    let alice = user("alice");
    let kept = open(&node, &alice, 1).await;
    hall.freeze("n0", true);
    until_lapsed(&hall, &frozen, Partition::of(&alice)).await;
    place(&other, Proof::Resume(kept.token, kept.joined), 2).await.expect("its node is lost");
    sweep_settled(&engine, &other).await;
    hall.freeze("n0", false);
    let told = next(&mut node, &alice).await.notice;
    let kernel::message::Notice::End { sessions, end } = told else { panic!("no end: {told:?}") };
    assert_eq!((sessions, end.code), (vec![kept.fenced], CloseCode::TakenOver));
    until_here(&frozen).await;
    // It was forgotten meanwhile, and is counted anew.
    let ticket = mint(&node, &alice, 3).await;
    let again = place_at_last(&node, Proof::Ticket(ticket, None), 3).await;
    let again = again.expect("there is a place");
    assert_eq!(send(&other, &alice, 1).await, next_position(&mut node, &alice).await);
    assert!(again.fenced.fence > kept.fenced.fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_frozen_takes_back_what_is_still_its_own() {
    let hall = hall_of_short_leases().await;
    let (frozen, mut node) = hall.engine("n0").await;
    let (engine, other) = steady(&hall, "n1").await;
    let alice = user("alice");
    let kept = open(&node, &alice, 1).await;
    hall.freeze("n0", true);
    until_lapsed(&hall, &frozen, Partition::of(&alice)).await;
    sweep_settled(&engine, &other).await;
    assert_eq!(shown(&other, &alice).await, [SessionState::Parked]);
    let missed = send(&other, &alice, 1).await;
    hall.freeze("n0", false);
    assert_eq!(next_position(&mut node, &alice).await, missed);
    assert_eq!(shown(&other, &alice).await, [SessionState::Live]);
    until_here(&frozen).await;
    let (session, user, me) = (kept.fenced.session, alice.clone(), Arc::clone(&frozen.me));
    let told = [Orphan { session, user, node: me, fate: Fate::TakenBack }];
    assert_eq!(frozen.orphans(), told, "whoever saw it parked is told that it is back");
    assert_eq!(send(&other, &alice, 2).await, next_position(&mut node, &alice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_thawed_after_what_became_of_them_is_told() {
    let hall = hall_of_short_leases().await;
    let (frozen, mut node) = hall.engine("n0").await;
    let (_, other) = steady(&hall, "n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let kept = open(&node, &alice, 1).await;
    let term = frozen.tenure.term(partition);
    hall.freeze("n0", true);
    until_lapsed(&hall, &frozen, partition).await;
    assert_eq!(frozen.tenure.look(partition), None);
    place(&other, Proof::Resume(kept.token, kept.joined), 2).await.expect("its node is lost");
    hall.freeze("n0", false);
    let shard = protocol::partition::slice_of(&alice, node.shards.len());
    let mut is_told = false;
    loop {
        match node.shards[shard].letters.recv().await.expect("the engine is there") {
            Letter::Envelope(_) => is_told = true,
            Letter::Thaw(of, now) if of == partition && now != term => break,
            Letter::Thaw(..) => {}
        }
    }
    assert!(is_told, "it lost its place");
    assert!(frozen.tenure.look(partition).is_some_and(|now| now != term));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_is_noticed_and_loses_nothing() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let before = send(&node, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, before);
    let held = hall.server.hold().await;
    until_lost(&engine).await;
    drop(held);
    until_here(&engine).await;
    let after = send(&node, &alice, 2).await;
    assert_eq!(after, Position { seq: before.seq + 1, ..before });
    assert_eq!(next_position(&mut node, &alice).await, after);
    assert_eq!(shown(&node, &alice).await, [SessionState::Live], "its lease held");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_after_a_lapse_does_not_look_as_if_nothing_had_been_before_it() {
    let hall = hall_of_short_leases().await;
    let (frozen, node) = hall.engine("n0").await;
    let (_, other) = steady(&hall, "n1").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let counter = redis::cmd("HGET")
        .arg(frozen.keys.mail(Partition::of(&alice)))
        .arg(node.me.to_string())
        .clone();
    let before: Option<u64> = hall.server.ask(&counter).await;
    hall.freeze("n0", true);
    until_lapsed(&hall, &frozen, Partition::of(&alice)).await;
    let receipt = other.engine.append(&alice, draft(1)).await.expect("it is accepted");
    assert_eq!((receipt.live, receipt.parked), (0, 1), "the node is sent nothing");
    hall.freeze("n0", false);
    until("the lapse is counted", || async {
        hall.server.ask::<Option<u64>>(&counter).await > before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_makes_one_notice_for_each_node_that_needs_it() {
    const NODES: usize = 20;
    let mut hall = Hall::on(&[]).await;
    // A lapse is counted as well.
    hall.lease = Duration::from_secs(15);
    let mut nodes = Vec::new();
    for n in 0..NODES {
        nodes.push(hall.engine(&format!("n{n}")).await);
    }
    let alice = user("alice");
    for (bits, n) in [(1, 3), (2, 3), (3, 17)] {
        open(&nodes[n].1, &alice, bits).await;
    }
    let mail = redis::cmd("HVALS").arg(nodes[0].0.keys.mail(Partition::of(&alice))).clone();
    let before: Vec<u64> = hall.server.ask(&mail).await;
    send(&nodes[8].1, &alice, 1).await;
    let after: Vec<u64> = hall.server.ask(&mail).await;
    assert_eq!(after.iter().sum::<u64>() - before.iter().sum::<u64>(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_knows_of_is_parked() {
    let hall = hall_of_short_leases().await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    // As if whoever admitted it never heard of it.
    engine.roll.remove(opened.fenced);
    until("it is parked", || async { shown(&node, &alice).await == [SessionState::Parked] }).await;
    let proof = Proof::Resume(opened.token, Position::default());
    place(&node, proof, 2).await.expect("and may resume");
}
