//! Unanswered: messages that the engine does not take, or of which its answer is lost.

use std::sync::{Mutex, OnceLock};

use engine::{
    mailbox::{Mailbox, Mailboxes},
    memory::Memory,
};
use serde_json::{Value, json};
use server::clock::Clock;

use crate::{
    call::Response,
    faulty::{Fault, Faulty, Step},
    keys::{keyed, replayed},
    node::{Node, config, text, with_engine, with_node_on},
    peer::Session,
};

const ALICE: &str = "/v1/users/alice/messages";

/// Nobody can know what became of these.
const LOST: [Fault; 2] = [Fault::AnswerLost, Fault::CallLost];

/// The call is refused, and nothing of it was done.
fn not_accepted(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (503, "overloaded"));
    assert!(response.header("retry-after").is_some(), "{response:?}");
}

/// Nobody knows; it is to be made again with the same key.
fn unknown(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (504, "accept-unknown"));
}

/// A session got these messages, and nothing else.
async fn got<const N: usize>(session: &mut Session, data: [Value; N]) {
    assert_eq!(session.messages(N).await, data);
    session.in_step().await;
}

#[test]
fn a12_a_message_that_is_not_accepted_arrives_nowhere() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut alice = node.join("alice").await;
        for path in [ALICE, &format!("/v1/sessions/{}/messages", alice.id)] {
            engine.next(Step::Append, [Some(Fault::NotDone)]);
            not_accepted(&node.call("POST", path, &json!({"data": 1})).await);
            assert_eq!(node.ask("POST", path, &json!({"data": 2})).await["live"], 1);
            got(&mut alice, [json!(2)]).await;
        }
        engine.next(Step::Everyone, [Some(Fault::NotDone)]);
        let body = json!({"everyone": true, "data": 3});
        not_accepted(&node.call("POST", "/v1/messages", &body).await);
        alice.in_step().await;
    });
}

#[test]
fn a12_a_lost_answer_is_told_and_the_same_key_completes_the_call() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut alice = node.join("alice").await;
        let calls = [
            (Step::Append, ALICE, json!({"data": 1})),
            (Step::Append, ALICE, json!({"data": 1, "volatile": true})),
            (Step::Everyone, "/v1/messages", json!({"everyone": true, "data": 1})),
        ];
        for (n, (step, path, body)) in calls.iter().enumerate() {
            for fault in LOST {
                let key = format!("{n} {fault:?}");
                engine.next(*step, [Some(fault)]);
                unknown(&keyed(node, path, &key, body).await);
                let again = keyed(node, path, &key, body).await;
                assert_eq!(replayed(&again), fault == Fault::AnswerLost, "{key}");
                got(&mut alice, [json!(1)]).await;
                assert_eq!(keyed(node, path, &key, body).await.json(), again.json());
                alice.in_step().await;
            }
            // Without a key nobody can tell whether the second is the first.
            engine.next(*step, [Some(Fault::AnswerLost)]);
            unknown(&node.call("POST", path, body).await);
            got(&mut alice, [json!(1)]).await;
        }
    });
}

#[test]
fn a12_a_call_for_many_goes_on_where_it_broke_off() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut sessions = Vec::new();
        for user in ["a", "b", "c"] {
            sessions.push(node.join(user).await);
        }
        let body = json!({"users": ["a", "b", "c"], "data": 1});
        for broken_at in 0..3 {
            for fault in LOST {
                let key = format!("{broken_at} {fault:?}");
                engine
                    .next(Step::Append, (0..=broken_at).map(|n| (n == broken_at).then_some(fault)));
                unknown(&keyed(node, "/v1/messages", &key, &body).await);
                let again = keyed(node, "/v1/messages", &key, &body).await;
                // Only if the last of them was accepted the first time.
                assert_eq!(replayed(&again), broken_at == 2 && fault == Fault::AnswerLost);
                let results = again.json()["results"].clone();
                for (n, session) in sessions.iter_mut().enumerate() {
                    let message = session.message().await;
                    assert_eq!(message["id"], results[n]["id"], "{key}");
                    session.in_step().await;
                }
            }
        }
        // Broken off before anything.
        for fault in LOST {
            let key = format!("begin {fault:?}");
            engine.next(Step::Begin, [Some(fault)]);
            unknown(&keyed(node, "/v1/messages", &key, &body).await);
            for session in &mut sessions {
                session.in_step().await;
            }
            assert!(!replayed(&keyed(node, "/v1/messages", &key, &body).await));
            for session in &mut sessions {
                got(session, [json!(1)]).await;
            }
        }
        engine.next(Step::Begin, [Some(Fault::NotDone)]);
        not_accepted(&keyed(node, "/v1/messages", "not begun", &body).await);
        engine.played().await;
    });
}

#[test]
fn a12_of_a_call_for_many_who_was_not_reached_is_told_and_the_key_is_good_for_them() {
    with_node_on(Faulty::new, async |node, engine| {
        let (mut a, mut b) = (node.join("a").await, node.join("b").await);
        let body = json!({"users": ["a", "b"], "data": 1});
        engine.next(Step::Append, [Some(Fault::NotDone)]);
        let first = keyed(node, "/v1/messages", "k", &body).await;
        assert!(!replayed(&first));
        let first = first.json()["results"].clone();
        assert_eq!(
            (&first[0]["user"], &first[0]["error"]["code"]),
            (&json!("a"), &json!("overloaded"))
        );
        assert!(first[0]["error"]["retry_ms"].is_u64(), "{first}");
        got(&mut b, [json!(1)]).await;
        a.in_step().await;
        let second = keyed(node, "/v1/messages", "k", &body).await;
        assert!(!replayed(&second));
        assert_eq!(second.json()["results"][1], first[1]);
        got(&mut a, [json!(1)]).await;
        b.in_step().await;
        assert!(replayed(&keyed(node, "/v1/messages", "k", &body).await));
    });
}

#[test]
fn a12_a_copy_that_is_not_accepted_is_told_and_the_same_key_completes_it() {
    with_node_on(Faulty::new, async |node, engine| {
        let (mut alice, mut bob) = (node.join("alice").await, node.join("bob").await);
        let body = json!({"data": 1, "from": "bob", "echo": true});
        for fault in [Fault::NotDone, Fault::CallLost, Fault::AnswerLost] {
            let key = format!("{fault:?}");
            engine.next(Step::Append, [None, Some(fault)]);
            let first = keyed(node, ALICE, &key, &body).await;
            assert!(!replayed(&first));
            assert_eq!(first.json()["echoed"], false, "{key}");
            let again = keyed(node, ALICE, &key, &body).await;
            assert!(replayed(&again));
            assert_eq!(
                (&again.json()["echoed"], &again.json()["id"]),
                (&json!(true), &first.json()["id"])
            );
            got(&mut alice, [json!(1)]).await;
            let copy = bob.message().await;
            assert_eq!((&copy["id"], &copy["echo"]), (&first.json()["id"], &json!(true)));
            bob.in_step().await;
        }
        // Where the message itself is not accepted there is no copy either.
        engine.next(Step::Append, [Some(Fault::NotDone)]);
        not_accepted(&node.call("POST", ALICE, &body).await);
        bob.in_step().await;
    });
}

#[test]
fn a12_what_a_session_sends_is_answered_honestly_as_well() {
    with_node_on(Faulty::new, async |node, engine| {
        let mut alice = node.join("alice").await;
        let mut other = node.join("bob").await;
        let mut bob = node.join_with(&json!({"user": "bob", "send": "any"})).await;
        let send = json!({"type": "send", "ref": "c", "user": "alice", "data": 1, "key": "k1"});

        engine.next(Step::Append, [Some(Fault::NotDone)]);
        bob.send(&send).await;
        let reply = bob.typed("reply").await;
        assert_eq!((&reply["ref"], &reply["error"]["code"]), (&json!("c"), &json!("overloaded")));
        assert!(reply["error"]["retry_ms"].is_u64(), "{reply}");
        alice.in_step().await;

        engine.next(Step::Append, [Some(Fault::AnswerLost)]);
        bob.send(&send).await;
        assert_eq!(bob.typed("reply").await["error"]["code"], "accept-unknown");
        engine.next(Step::Append, [None, Some(Fault::NotDone)]);
        bob.send(&send).await;
        let reply = bob.typed("reply").await;
        assert_eq!((&reply["echoed"], reply.get("error")), (&json!(false), None), "{reply}");
        bob.send(&send).await;
        let last = bob.typed("reply").await;
        assert_eq!((&last["id"], last.get("echoed")), (&reply["id"], None), "{last}");
        got(&mut alice, [json!(1)]).await;
        got(&mut other, [json!(1)]).await;
        bob.in_step().await;
    });
}

#[test]
fn a12_a_message_for_which_there_is_no_room_is_not_accepted() {
    const ROOM: usize = 4;
    /// Holds what the engine delivers until the test lets it through.
    struct Lock {
        to_node: Mailboxes,
        waiting: Vec<Mailbox>,
    }
    let (config, lock) = (config(), OnceLock::new());
    let terms = config.terms();
    let engine = |to_node| {
        let (mailboxes, waiting) = Mailboxes::new(2, ROOM);
        lock.set(Mutex::new(Lock { to_node, waiting })).ok();
        let engine = Memory::new(terms, mailboxes, std::sync::Arc::new(Clock::timestamp));
        std::sync::Arc::new(engine) as _
    };
    with_engine(config, engine, async |node: &Node| {
        let mut alice = node.join("alice").await;
        for number in 0..ROOM {
            node.ask("POST", ALICE, &json!({"data": number})).await;
        }
        for body in [json!({"data": "no"}), json!({"data": "no", "volatile": true})] {
            not_accepted(&node.call("POST", ALICE, &body).await);
        }
        // Nor is an end of which its node could not be told.
        let end = node.call("DELETE", "/v1/users/alice/sessions", &Value::Null).await;
        not_accepted(&end);
        let ticket = node.ticket(&json!({"user": "alice", "policy": "single"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        let mut refused = node.dial("", &offer).await;
        assert_eq!(refused.typed("closing").await["code"], 4003);
        refused.closed_with(4003, "overloaded").await;
        alice.in_step().await;

        let let_through = || {
            let mut lock = lock.get().unwrap().lock().unwrap();
            let Lock { to_node, waiting } = &mut *lock;
            for mailbox in waiting {
                while let Ok(letter) = mailbox.letters.try_recv() {
                    to_node.deliver(letter.envelope().expect("no lease is ever lost here"));
                }
            }
        };
        let_through();
        let sent = node.ask("POST", ALICE, &json!({"data": "yes"})).await;
        let_through();
        got(&mut alice, [json!(0), json!(1), json!(2), json!(3), json!("yes")]).await;
        assert_eq!(text(&sent["position"]), alice.position, "nothing was numbered in between");
        Session::welcomed(node.dial("", &offer).await).await;
        let_through();
        assert_eq!(alice.typed("closing").await["code"], 4409);
    });
}
