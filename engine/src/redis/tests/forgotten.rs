//! What Redis forgot, and nodes know.

use kernel::{message::Notice, registry::Proof};
use protocol::{grant::Policy, http::SessionState};

use super::{nodes::until_lapsed, stage::*, *};

/// Short, so that tests do not wait long for one to lapse.
const LEASE: Duration = Duration::from_secs(3);

async fn hall_on(settings: &[&str]) -> Hall {
    let mut hall = Hall::on(settings).await;
    hall.lease = LEASE;
    hall
}

/// Redis forgets everything, and goes on.
async fn flush(hall: &Hall) {
    let _done: String = hall.server.tell("FLUSHALL").await;
}

async fn told_end(node: &mut Node, user: &UserId) -> CloseCode {
    let told = next(node, user).await.notice;
    let Notice::End { end, .. } = told else { panic!("no end: {told:?}") };
    end.code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_forgotten_is_registered_again() {
    let hall = hall_on(&[]).await;
    let (_, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let before = send(&other, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, before);
    flush(&hall).await;
    let told = next(&mut node, &alice).await.notice;
    let Notice::Behind(head) = told else { panic!("it has missed something: {told:?}") };
    assert!(head.epoch > before.epoch, "the past is lost");
    let shown = other.engine.sessions(&Query::User(alice.clone())).await.unwrap();
    let shown: Vec<_> = shown.iter().map(|one| (one.id, one.state)).collect();
    assert_eq!(shown, [(opened.fenced.session, SessionState::Live)]);
    let after = send(&other, &alice, 2).await;
    assert!(after > head);
    assert_eq!(next_position(&mut node, &alice).await, after);
    // The other node may have no lease before it is renewed.
    let resumed = place_at_last(&other, Proof::Resume(opened.token, before), 2).await;
    assert_eq!(resumed.expect("its token is good").fenced.session, opened.fenced.session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_resume_was_forgotten_stays_where_it_is() {
    let mut hall = hall_on(&[]).await;
    let (first, mut left) = hall.engine("n0").await;
    let (second, mut node) = hall.engine("n1").await;
    let alice = user("alice");
    let opened = open(&left, &alice, 1).await;
    let _saved: String = hall.server.tell("SAVE").await;
    let proof = Proof::Resume(opened.token, opened.joined);
    let resumed = place(&node, proof, 2).await.expect("it resumes");
    assert_eq!(told_end(&mut left, &alice).await, CloseCode::TakenOver);
    crash(&mut hall, &[&first, &second]).await;
    let told = next(&mut node, &alice).await.notice;
    assert!(matches!(told, Notice::Behind(_)), "only that the past is lost: {told:?}");
    let shown = left.engine.sessions(&Query::User(alice.clone())).await.unwrap();
    let shown: Vec<_> = shown.iter().map(|one| (one.id, &*one.node, one.state)).collect();
    assert_eq!(shown, [(opened.fenced.session, "n1", SessionState::Live)]);
    let proof = Proof::Resume(resumed.token, resumed.joined);
    let again = place(&node, proof, 3).await.expect("the token of that resume is good");
    assert_eq!(again.fenced.session, opened.fenced.session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_joined_by_a_clock_that_was_ahead_is_not_passed_over() {
    let mut hall = hall_on(&[]).await;
    let (engine, mut node) = hall.engine("n0").await;
    let (second, other) = hall.engine("n1").await;
    let alice = user("alice");
    let _saved: String = hall.server.tell("SAVE").await;
    // As a primary gives them whose clock is ahead of the next one's.
    let now: (u64, u64) = hall.server.tell("TIME").await;
    let ahead = (now.0 + 60) * 1_000_000;
    let (key, told) = (engine.keys.primary(Partition::of(&alice)), ahead.to_string());
    let _told: u32 = hall.server.ask(redis::cmd("HSET").arg(key).arg("last").arg(&told)).await;
    let opened = open(&node, &alice, 1).await;
    assert!(opened.joined.epoch > ahead);
    crash(&mut hall, &[&engine, &second]).await;
    let told = next(&mut node, &alice).await.notice;
    let Notice::Behind(head) = told else { panic!("not behind: {told:?}") };
    assert!(head > opened.joined, "{head} after {}", opened.joined);
    let after = send(&other, &alice, 1).await;
    assert!(after > head);
    assert_eq!(next_position(&mut node, &alice).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_while_its_node_was_deaf_does_not_come_back() {
    let mut hall = hall_on(&["--appendonly", "yes", "--appendfsync", "no"]).await;
    hall.window = Duration::from_secs(60);
    let (deaf, mut node) = hall.engine("n0").await;
    let (engine, other) = hall.engine("n1").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    hall.freeze("n0", true);
    until_lapsed(&hall, &deaf, Partition::of(&alice)).await;
    let ending = Ending::Session(opened.fenced.session);
    let ended = other.engine.end(&ending, CloseCode::ClosedByBackend).await.unwrap();
    assert_eq!(ended.len(), 1);
    hall.server.kill().await;
    until_lost(&engine).await;
    hall.server.rise().await;
    hall.freeze("n0", false);
    assert_eq!(told_end(&mut node, &alice).await, CloseCode::ClosedByBackend);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_place_was_given_to_another_meanwhile_does_not_come_back() {
    let hall = hall_on(&[]).await;
    let (_, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let single = |bits| {
        let (ticket, ttl) = (Ticket::new(Partition::of(&alice), bits), Duration::from_secs(60));
        (Proof::Ticket(ticket, None), ticket, grant(&alice, Policy::SINGLE), ttl)
    };
    let (proof, ticket, leave, ttl) = single(1);
    node.engine.mint(ticket, leave, ttl).await.unwrap();
    place(&node, proof, 1).await.expect("there is a place");
    hall.freeze("n0", true);
    flush(&hall).await;
    let (proof, ticket, leave, ttl) = single(2);
    other.engine.mint(ticket, leave, ttl).await.unwrap();
    // Its node has no lease until it is renewed.
    until("the place is free", || async { place(&other, proof, 2).await.is_ok() }).await;
    hall.freeze("n0", false);
    assert_eq!(told_end(&mut node, &alice).await, CloseCode::Replaced);
    let shown = other.engine.sessions(&Query::User(alice.clone())).await.unwrap();
    assert_eq!(shown.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_said_not_to_be_there_before_nodes_could_say_whom_they_have() {
    let hall = Hall::on(&[]).await;
    let (_, node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let (alice, bob) = (user("alice"), user("bob"));
    open(&node, &alice, 1).await;
    let nobody = other.engine.append(&bob, draft(1)).await.expect("it is long known");
    assert_eq!((nobody.live, nobody.parked), (0, 0));
    hall.freeze("n0", true);
    flush(&hall).await;
    for user in [&alice, &bob] {
        let unsure = other.engine.append(user, draft(2)).await;
        assert_eq!(unsure, Err(NotAppended::Failed(Failed::NotDone)));
    }
    hall.freeze("n0", false);
    let accepted = async {
        loop {
            match other.engine.append(&alice, draft(3)).await {
                Ok(receipt) => return receipt.live,
                Err(_) => tokio::time::sleep(LOOKS).await,
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, accepted).await, Ok(1));
    until("it is sure", || async { other.engine.append(&bob, draft(4)).await.is_ok() }).await;
}
