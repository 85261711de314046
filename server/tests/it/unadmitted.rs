//! Unadmitted: sessions whose coming or going the engine does not answer. None stays behind as a
//! ghost.

use protocol::{name::UserId, partition::Partition};
use serde_json::{Value, json};

use crate::{
    faulty::{Fault, Faulty, Step},
    lanes::registered,
    node::{Node, soon, with_node_on},
    peer::{Peer, Session},
};

/// An engine that does not answer the first few times, whatever it did.
const AT_LAST: [Option<Fault>; 3] =
    [Some(Fault::CallLost), Some(Fault::NotDone), Some(Fault::AnswerLost)];

/// Offers something, and is told to come back later.
async fn sent_away(node: &Node, offer: &str) {
    let mut peer = node.dial("", offer).await;
    let closing = peer.typed("closing").await;
    assert_eq!(closing["code"], 4003);
    assert!(closing["retry_ms"].as_u64().unwrap() >= 500, "{closing}");
    peer.closed_with(4003, "overloaded").await;
}

/// Waits until the user's sessions are in these states, by the registry's word.
async fn until(node: &Node, user: &str, states: &[&str]) {
    soon("the registry to agree", async {
        while registered(node, user).await.iter().map(|s| s["state"].clone()).ne(states.to_vec()) {}
    })
    .await;
}

#[test]
fn h17_an_admission_whose_answer_is_lost_leaves_no_session_behind() {
    with_node_on(Faulty::new, async |node, engine| {
        for (fault, spent) in
            [(Fault::NotDone, false), (Fault::CallLost, false), (Fault::AnswerLost, true)]
        {
            let ticket = node.ticket(&json!({"user": "alice"})).await;
            let offer = format!("usher.v1, ticket.{ticket}");
            engine.next(Step::Admit, [Some(fault)]);
            if fault != Fault::NotDone {
                engine.next(Step::Withdraw, AT_LAST);
            }
            sent_away(node, &offer).await;
            until(node, "alice", &[]).await;
            engine.played().await;
            let mut peer = node.dial("", &offer).await;
            match spent {
                true => peer.closed_with(4201, "ticket-spent").await,
                false => {
                    let mut session = Session::welcomed(peer).await;
                    session.send(&json!({"type": "leave"})).await;
                    session.closed_with(1000, "").await;
                }
            }
            until(node, "alice", &[]).await;
        }
        // Over HTTP it is a problem that says when to come back.
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        engine.next(Step::Admit, [Some(Fault::AnswerLost)]);
        let query = format!("?ticket={ticket}");
        let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
        assert_eq!((problem.status, problem.code().as_str()), (503, "overloaded"));
        until(node, "alice", &[]).await;
    });
}

#[test]
fn a_resume_whose_answer_is_lost_can_be_tried_again_and_misses_nothing() {
    async fn check(node: &Node, engine: &Faulty, fault: Fault, patient: bool) {
        let session = node.join("alice").await;
        let (id, token, position) = (session.id, session.token, session.position);
        let mut watch = node.watch();
        session.peer.vanish();
        watch.parked(&id).await;
        engine.next(Step::Admit, [Some(fault)]);
        if fault != Fault::NotDone {
            engine.next(Step::Withdraw, AT_LAST);
        }
        sent_away(node, &format!("usher.v1, resume.{token}, after.{position}")).await;
        if patient {
            until(node, "alice", &["parked"]).await;
            let sent = node.send("alice", &json!({"data": 1})).await;
            assert_eq!((&sent["live"], &sent["parked"]), (&json!(0), &json!(1)), "{fault:?}");
        } else {
            node.send("alice", &json!({"data": 1})).await;
        }
        // Also before the engine has answered: whoever comes back has the session, and keeps it.
        let mut back = node.resume(&token, &position).await;
        assert_eq!(back.messages(1).await, [1]);
        back.caught_up().await;
        engine.played().await;
        back.in_step().await;
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["live"], &user["parked"]), (&json!(1), &json!(0)), "{user}");
        back.send(&json!({"type": "leave"})).await;
        watch.ended(&id).await;
    }

    with_node_on(Faulty::new, async |node, engine| {
        for fault in [Fault::NotDone, Fault::CallLost, Fault::AnswerLost] {
            check(node, engine, fault, true).await;
            check(node, engine, fault, false).await;
        }
    });
}

#[test]
fn a_departure_that_is_not_answered_is_told_until_it_is() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut watch = node.watch();
        let session = node.join("alice").await;
        engine.next(Step::Depart, AT_LAST);
        session.peer.vanish();
        // Of one that was done, and whose answer was lost, no more is to be told.
        until(node, "alice", &["parked"]).await;
        engine.played().await;
        let back = node.resume(&session.token, &session.position).await;
        engine.next(Step::Depart, AT_LAST[..2].iter().copied());
        let id = back.id.clone();
        back.peer.vanish();
        assert_eq!(watch.parked(&id).await, 1006);

        let mut back = node.resume(&back.token, &back.position).await;
        engine.next(Step::Depart, AT_LAST[..2].iter().copied());
        back.send(&json!({"type": "leave"})).await;
        assert_eq!(watch.ended(&id).await, 1000);
        assert_eq!(registered(node, "alice").await, [] as [Value; 0]);
    });
}

#[test]
fn a_departure_that_is_never_answered_holds_up_nobody_of_another_partition() {
    let partition = |user| Partition::of(&UserId::parse(user).unwrap());
    assert_ne!(partition("alice"), partition("bob"));
    with_node_on(Faulty::new, async |node, engine| {
        let mut watch = node.watch();
        let (alice, bob) = (node.join("alice").await, node.join("bob").await);
        engine.lose(Some(partition("alice")));
        alice.peer.vanish();
        engine.missed().await;
        engine.next(Step::Depart, [Some(Fault::NotDone)]);
        bob.peer.vanish();
        assert_eq!(watch.parked(&bob.id).await, 1006);
        assert_eq!(registered(node, "alice").await[0]["state"], "live");
        engine.lose(None);
        assert_eq!(watch.parked(&alice.id).await, 1006);
    });
}

#[test]
fn that_a_welcome_arrived_is_told_until_it_is_known_so_that_the_old_token_is_void() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut watch = node.watch();
        let session = node.join("alice").await;
        session.peer.vanish();
        watch.parked(&session.id).await;
        let mut back = node.resume(&session.token, &session.position).await;
        back.caught_up().await;
        engine.next(Step::Touch, AT_LAST);
        back.in_step().await;
        engine.played().await;
        let mut other = node.try_resume(&session.token, &session.position).await;
        other.closed_with(4202, "cannot-resume").await;
        back.in_step().await;
    });
}

#[test]
fn a_session_whose_stream_cannot_be_read_is_sent_away_and_leaves_nothing() {
    with_node_on(Faulty::new, async |node, engine| {
        engine.next(Step::Read, [Some(Fault::NotDone)]);
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let mut peer = node.dial("", &format!("usher.v1, ticket.{ticket}")).await;
        peer.closed_with(4003, "overloaded").await;
        until(node, "alice", &[]).await;

        // One that came back is parked, and comes back again.
        let session = node.join("alice").await;
        let mut watch = node.watch();
        session.peer.vanish();
        watch.parked(&session.id).await;
        engine.next(Step::Read, [Some(Fault::CallLost)]);
        let mut peer = node.try_resume(&session.token, &session.position).await;
        peer.closed_with(4003, "overloaded").await;
        assert_eq!(watch.parked(&session.id).await, 4003);
        node.resume(&session.token, &session.position).await.caught_up().await;
    });
}
