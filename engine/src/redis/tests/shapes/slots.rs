//! Slots of a Cluster that move while they are used.

use kernel::registry::Proof;
use protocol::position::Position;

use super::{cluster_of::Cluster, *};

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_moves_while_messages_flow_and_none_is_lost() {
    let mut hall = Hall::at(Cluster::of(3, false).await, "usher:");
    (hall.stream, hall.window) = (Bounds::default(), Duration::from_secs(60));
    let (engine, mut node) = hall.engine("n0").await;
    let (second, other) = hall.engine("n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    for engine in [&engine, &second] {
        until_a_slot_may_move(engine, partition).await;
    }
    let opened = open(&node, &alice, 1).await;
    let parked = open(&node, &alice, 2).await;
    node.engine.depart(parked.fenced, Departure::Park).await.unwrap();
    let ticket = mint(&node, &alice, 3).await;
    let goes_on = watch::Sender::new(true);
    let (to, listens) = (alice.clone(), goes_on.subscribe());
    let sender = tokio::spawn(async move {
        let mut accepted: Vec<Position> = Vec::new();
        for bits in 0.. {
            if !*listens.borrow() {
                break;
            }
            // What is refused is nobody's promise.
            if let Ok(receipt) = other.engine.append(&to, draft(bits)).await {
                accepted.extend(receipt.position);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (accepted, other)
    });
    let mut at = hall.server.keeper(partition);
    for _ in 0..4 {
        let to = (at + 1) % 3;
        hall.server.shift(partition, at, to).await;
        at = to;
    }
    // It comes home where it is now.
    let last = send_at_last(&node, &alice, 1 << 100).await;
    goes_on.send_replace(false);
    let (accepted, other) = sender.await.expect("it comes to an end");
    let last = last.max(*accepted.last().expect("some are accepted"));
    let mut came: Vec<Position> = Vec::new();
    while came.last() != Some(&last) {
        came.push(next_message(&mut node, &alice).await);
    }
    let epochs: std::collections::BTreeSet<u64> = came.iter().map(|one| one.epoch).collect();
    assert_eq!(epochs.len(), 1, "nothing was in doubt");
    let numbers: Vec<u64> = came.iter().map(|one| one.seq).collect();
    assert_eq!(numbers, Vec::from_iter(opened.joined.seq + 1..=last.seq), "all, and in order");
    assert!(accepted.iter().all(|one| came.contains(one)));
    let proof = Proof::Resume(parked.token, parked.joined);
    let resumed = place(&other, proof, 4).await.expect("it resumes");
    let reader = Reader { user: alice.clone(), fenced: resumed.fenced, after: parked.joined };
    let page = other.engine.read(&reader, 10_000, 1 << 20).await.unwrap().expect("it stands");
    assert_eq!((page.gap, page.messages.len()), (None, came.len()));
    place(&other, Proof::Ticket(ticket, None), 5).await.expect("the ticket is good still");
    until_here(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_room_when_the_last_slot_left_its_server_is_not_lost() {
    let hall = Hall::at(Cluster::of(2, false).await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (cluster, alice) = (&hall.server, user("alice"));
    let partition = Partition::of(&alice);
    let keeper = cluster.keeper(partition);
    open(&node, &alice, 1).await;
    fill(&engine, &node, &alice);
    let before = engine.counts.last(partition);
    let sent = send(&node, &alice, 1).await;
    until("it waits for room", || async { engine.counts.last(partition) > before }).await;
    for one in Partition::all().filter(|one| cluster.keeper(*one) == keeper) {
        cluster.shift(one, keeper, 1 - keeper).await;
    }
    until("the server keeps nothing", || async { engine.atlas.hosts().len() == 1 }).await;
    assert_eq!(next_message(&mut node, &alice).await, sent);
    until_here(&engine).await;
}
