//! Another primary, or the same with less than it had: no ticket and no number is good twice.

use kernel::{message::Notice, registry::Proof};
use protocol::{frame::GapReason, position::Position};

use super::{stage::*, *};

const KEEPS_ALL: &[&str] = &["--appendonly", "yes", "--appendfsync", "no"];

#[tokio::test]
async fn a_ticket_is_not_good_after_another_primary_came() {
    let mut hall = Hall::on(KEEPS_ALL).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let ticket = mint(&node, &alice, 1).await;
    crash(&mut hall, &[&engine]).await;
    let key = engine.keys.ticket(shade::ticket(ticket));
    let kept: bool = hall.server.ask(redis::cmd("EXISTS").arg(key)).await;
    assert!(kept, "it is not refused because it was lost");
    let refused = place(&node, Proof::Ticket(ticket, None), 1).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::TicketUnknown)));
    open(&node, &alice, 2).await;
}

#[tokio::test]
async fn numbers_are_not_given_twice_after_a_loss() {
    let mut hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let kept = send(&node, &alice, 1).await;
    let _saved: String = hall.server.tell("SAVE").await;
    let lost = send(&node, &alice, 2).await;
    assert_eq!(lost, Position { seq: kept.seq + 1, ..kept });
    crash(&mut hall, &[&engine]).await;
    let new = send(&node, &alice, 3).await;
    assert!(new.epoch > lost.epoch, "{new} after {lost}");
    let reader = Reader { user: alice.clone(), fenced: opened.fenced, after: lost };
    let page = node.engine.read(&reader, 10, 1000).await.unwrap().expect("the session was kept");
    let gap = page.gap.expect("what was lost is told");
    assert_eq!((gap.after, gap.reason), (lost, GapReason::Epoch));
    let read: Vec<_> = page.messages.iter().filter_map(|message| message.position).collect();
    assert_eq!(read, [new]);
}

#[tokio::test]
async fn a_user_who_was_lost_altogether_comes_back_with_a_greater_epoch() {
    let mut hall = Hall::on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let before = send(&node, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, before);
    crash(&mut hall, &[&engine]).await;
    // Its node said again that she is there, and is told that the past is lost.
    let told = next(&mut node, &alice).await.notice;
    let Notice::Behind(head) = told else { panic!("not behind: {told:?}") };
    assert!(head > before, "{head} after {before}");
    let again = open(&node, &alice, 2).await;
    assert!(again.joined > before && again.fenced.fence > opened.fenced.fence);
    assert!(send(&node, &alice, 2).await > before);
}

#[tokio::test]
async fn c9_a_clock_that_went_back_gives_no_epoch_again() {
    let mut hall = Hall::on(KEEPS_ALL).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let before = send(&node, &alice, 1).await;
    // As a primary leaves it whose clock is a day ahead of the next one's.
    let ahead = before.epoch + 86_400_000_000;
    let (key, told) = (engine.keys.primary(Partition::of(&alice)), ahead.to_string());
    let _told: u32 = hall.server.ask(redis::cmd("HSET").arg(key).arg("last").arg(&told)).await;
    crash(&mut hall, &[&engine]).await;
    open(&node, &alice, 2).await;
    let after = send(&node, &alice, 2).await;
    assert!(after.epoch > ahead, "{after} after {ahead:x}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_arrives_or_is_of_an_epoch_that_ended() {
    let mut hall = Hall::on(KEEPS_ALL).await;
    hall.stream = Bounds::default();
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let to = alice.clone();
    let sender = tokio::spawn(async move {
        let mut accepted: Vec<Position> = Vec::new();
        // Fewer than a stream keeps: more would be a gap for those who were not told in time.
        let mut new = 0;
        for bits in 0.. {
            // What is refused, or not answered, is nobody's promise.
            if let Ok(receipt) = other.engine.append(&to, draft(bits)).await {
                accepted.extend(receipt.position);
                let epoch = receipt.position.map(|position| position.epoch);
                new += usize::from(epoch > Some(opened.joined.epoch));
            }
            if new == 200 {
                break;
            }
            tokio::task::yield_now().await;
        }
        accepted
    });
    let mut came = vec![next_position(&mut node, &alice).await];
    crash(&mut hall, &[&engine]).await;
    let accepted = sender.await.expect("it comes to an end");
    let last = *accepted.last().expect("some are");
    while came.last() != Some(&last) {
        came.push(next_position(&mut node, &alice).await);
    }
    let new = |all: &[Position]| -> Vec<Position> {
        all.iter().copied().filter(|one| one.epoch == last.epoch).collect()
    };
    assert!(last.epoch > opened.joined.epoch);
    let numbers: Vec<u64> = new(&came).iter().map(|one| one.seq).collect();
    assert_eq!(numbers, Vec::from_iter(1..=last.seq), "none is left out, and in order");
    assert!(new(&accepted).iter().all(|one| came.contains(one)));
    let old: Vec<u64> =
        came.iter().filter(|one| one.epoch < last.epoch).map(|one| one.seq).collect();
    assert_eq!(old, Vec::from_iter(1..=old.len() as u64), "up to the end of their epoch");
}

/// The id of a server's replication.
async fn id_of(server: &Server) -> String {
    let info: String = server.tell("INFO replication").await;
    let mut lines = info.lines();
    lines.find(|line| line.starts_with("master_replid:")).unwrap().to_owned()
}

/// A replica that has all that its primary has.
async fn replica_of(server: &Server) -> Server {
    let (host, port) = (server.at(), server.at());
    let (host, port) = (host.split_once(':').unwrap().0, port.split_once(':').unwrap().1);
    let replica = Server::start(&["--replicaof", host, port]).await;
    let _synced: String = server.tell("SET x 1").await;
    // It answers when the replica has that.
    let replicas: u32 = server.tell("WAIT 1 10000").await;
    assert_eq!(replicas, 1);
    replica
}

#[tokio::test]
async fn replicas_that_come_and_go_change_nothing() {
    let settings = ["--repl-diskless-sync-delay", "0", "--repl-backlog-ttl", "1"];
    let hall = Hall::on(&settings).await;
    let (_, node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let ticket = mint(&node, &alice, 2).await;
    let before = send(&node, &alice, 1).await;
    let first = id_of(&hall.server).await;
    let replica = replica_of(&hall.server).await;
    let second = id_of(&hall.server).await;
    assert_ne!(first, second, "with the first replica the id is another one");
    assert_eq!(send(&node, &alice, 2).await, Position { seq: before.seq + 1, ..before });
    drop(replica);
    let changes = async { while id_of(&hall.server).await == second {} };
    tokio::time::timeout(Duration::from_secs(10), changes).await.expect("and without the last");
    assert_eq!(send(&node, &alice, 3).await, Position { seq: before.seq + 2, ..before });
    place(&node, Proof::Ticket(ticket, None), 2).await.expect("the ticket is good");
}

#[tokio::test]
async fn a_replica_that_is_promoted_is_another_primary() {
    let hall = Hall::on(&["--repl-diskless-sync-delay", "0"]).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    let ticket = mint(&node, &alice, 2).await;
    let before = send(&node, &alice, 1).await;
    let replica = replica_of(&hall.server).await;
    // What comes now may be lost with the first.
    let lost = send(&node, &alice, 2).await;
    let _promoted: String = replica.tell("REPLICAOF NO ONE").await;
    let (_, other) = hall.engine_with("n1", &options(&replica.url())).await;
    let key = engine.keys.ticket(shade::ticket(ticket));
    assert!(replica.ask::<bool>(redis::cmd("EXISTS").arg(key)).await, "it has the ticket");
    let refused = place(&other, Proof::Ticket(ticket, None), 2).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::TicketUnknown)));
    place(&node, Proof::Ticket(ticket, None), 3).await.expect("it was good with the first");
    let new = send(&other, &alice, 3).await;
    assert!(new.epoch > before.epoch && new > lost, "{new} after {before} and {lost}");
}
