//! What is sent to a node may be lost; then it is made up for.

use kernel::{message::Notice, registry::Proof};
use protocol::{grant::Policy, position::Position};

use super::{stage::*, *};

/// Does what sends the node's mail in a partition elsewhere, and counts it as sent here.
pub(super) async fn send_astray(hall: &Hall, engine: &Redis, user: &UserId, bits: u128) {
    let partition = Partition::of(user);
    let (mail, node) = (engine.keys.mail(partition), engine.me.to_string());
    let held: u64 = hall.server.ask(redis::cmd("HGET").arg(&mail).arg(&node)).await;
    // What it counts is of another key, and goes another way.
    let astray = format!("{mail}:astray");
    let _copied: bool = hall.server.ask(redis::cmd("COPY").arg(&mail).arg(&astray)).await;
    let draft = draft(bits);
    let keys = [
        engine.keys.primary(partition),
        engine.keys.lease(partition),
        astray,
        engine.keys.user(partition, Some(user)),
        engine.keys.stream(user),
        engine.keys.key(partition, ""),
    ];
    let body = wire::body(user, &draft);
    let words = [
        "all",
        "",
        "",
        "0",
        "",
        "7",
        &body,
        "100",
        "8192",
        "60000",
        "",
        &draft.id.to_string(),
        "1",
        "",
        "0",
        "",
        "0",
    ];
    let said: (String, String) =
        engine.run(partition, &script::APPEND, &keys, &words).await.expect("it is accepted");
    assert_eq!(said.0, "new");
    let count = redis::cmd("HINCRBY").arg(&mail).arg(&node).arg(1).clone();
    let now: u64 = hall.server.ask(&count).await;
    assert_eq!(now, held + 1);
}

#[tokio::test]
async fn a_lost_notice_on_a_quiet_stream_is_made_up_for_by_the_renewal() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let first = send(&node, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, first);
    send_astray(&hall, &engine, &alice, 2).await;
    let arrived = next_position(&mut node, &alice).await;
    assert_eq!(arrived, Position { seq: first.seq + 1, ..first });
}

#[tokio::test]
async fn what_was_lost_comes_before_what_came_after() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let first = send(&node, &alice, 1).await;
    for bits in 2..5 {
        send_astray(&hall, &engine, &alice, bits).await;
    }
    let last = send(&node, &alice, 5).await;
    let mut came = Vec::new();
    while came.last() != Some(&last) {
        came.push(next_position(&mut node, &alice).await);
    }
    let expected = (0..5).map(|n| Position { seq: first.seq + n, ..first });
    assert_eq!(came, Vec::from_iter(expected));
}

/// A node that does nothing, another one, and a message for alice at the first.
async fn unheard(hall: &Hall) -> (Arc<Redis>, Node, Node, Position) {
    let (engine, node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    hall.freeze("n0", true);
    let sent = send(&other, &alice, 1).await;
    (engine, node, other, sent)
}

#[tokio::test]
async fn a_message_that_a_repair_has_read_does_not_come_again_by_its_own_envelope() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node, other, read) = unheard(&hall).await;
    let alice = user("alice");
    engine.repair(Partition::of(&alice)).await.expect("it can be read");
    hall.freeze("n0", false);
    let last = send(&other, &alice, 2).await;
    assert_eq!(next_position(&mut node, &alice).await, read);
    assert_eq!(next_position(&mut node, &alice).await, last);
}

#[tokio::test]
async fn a_repair_that_is_broken_off_leaves_what_found_no_room_to_the_next() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node, _, missed) = unheard(&hall).await;
    let alice = user("alice");
    fill(&engine, &node, &alice);
    let repair = engine.repair(Partition::of(&alice));
    tokio::time::timeout(Duration::from_millis(500), repair).await.expect_err("there is no room");
    for shard in &mut node.shards {
        while shard.letters.try_recv().is_ok() {}
    }
    engine.repair(Partition::of(&alice)).await.expect("it can be read");
    assert_eq!(next_position(&mut node, &alice).await, missed);
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_that_are_killed_lose_nothing() {
    const SENT: u64 = 400;
    let mut hall = Hall::on(&[]).await;
    // Nobody is away for too many.
    hall.stream = Bounds::default();
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let mut sender = tokio::spawn(async move {
        let mut killed = 0;
        for bits in 0..SENT {
            if bits % 50 == 25 {
                killed += hall.server.tell::<u32>("CLIENT KILL TYPE pubsub").await;
            }
            send(&other, &user("alice"), u128::from(bits)).await;
        }
        assert!(killed > 0);
        hall
    });
    let (mut last, mut done) = (opened.joined, None);
    while last.seq < opened.joined.seq + SENT {
        let position = tokio::select! {
            sent = &mut sender, if done.is_none() => {
                done = Some(sent.expect("all are accepted"));
                continue;
            }
            position = next_position(&mut node, &alice) => position,
        };
        assert_eq!(position.seq, last.seq + 1, "{position} after {last}");
        last = position;
    }
    until_here(&engine).await;
    assert!(engine.repaired() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lost_its_place_unheard_is_told_later() {
    let hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let replaced = open(&node, &alice, 1).await;
    let taken_over = open(&node, &bob, 2).await;
    // It takes a moment to listen again, and nobody waits for it.
    let killed: u32 = hall.server.tell("CLIENT KILL TYPE pubsub").await;
    assert!(killed > 0);
    let ticket = Ticket::new(Partition::of(&alice), 3);
    let ttl = Duration::from_secs(60);
    other.engine.mint(ticket, grant(&alice, Policy::SINGLE), ttl).await.unwrap();
    place(&other, Proof::Ticket(ticket, None), 3).await.expect("it replaces");
    let proof = Proof::Resume(taken_over.token, taken_over.joined);
    place(&other, proof, 4).await.expect("it takes over");
    let mut told = BTreeMap::new();
    while told.len() < 2 {
        let shard = &mut node.shards[..];
        let [one, other] = shard else { panic!("two shards: {shard:?}") };
        let letter = tokio::select! {
            letter = one.letters.recv() => letter,
            letter = other.letters.recv() => letter,
        };
        let Some(envelope) = letter.expect("the engine is there").envelope() else { continue };
        let notice = envelope.notice;
        let Notice::End { sessions, end } = notice else { panic!("no end: {notice:?}") };
        told.extend(sessions.iter().map(|one| (one.session, (one.fence, end.code))));
    }
    let expected =
        [(replaced.fenced, CloseCode::Replaced), (taken_over.fenced, CloseCode::TakenOver)];
    assert_eq!(told, expected.map(|(one, code)| (one.session, (one.fence, code))).into());
    until_here(&engine).await;
}
