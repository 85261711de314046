//! Steps whose answers are lost: nobody knows whether they were taken, and both ends well.

use kernel::registry::{Key, KeyScope, Proof};

use super::{proxy::Proxy, stage::*, *};

/// A node whose answers can be kept back, and another that sees what is.
async fn apart(hall: &Hall) -> (Proxy, Arc<Redis>, Node, Node) {
    let proxy = Proxy::before(&hall.server).await;
    let (engine, node) = hall.engine_with("n0", &options(&proxy.url())).await;
    let (_, other) = hall.engine("n1").await;
    (proxy, engine, node, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_told_again_under_its_key() {
    let hall = Hall::on(&[]).await;
    let (proxy, engine, node, other) = apart(&hall).await;
    let alice = user("alice");
    let opened = open(&other, &alice, 1).await;
    let key = Key { scope: KeyScope::Backend("k".into()), text: "a".into(), fingerprint: 1 };
    let message = Draft { key: Some(key), ..draft(1) };
    proxy.mute_at(&script::APPEND);
    let lost = node.engine.append(&alice, message.clone()).await;
    assert_eq!(lost, Err(Failed::Unknown.into()));
    until_lost(&engine).await;
    proxy.speak();
    until_here(&engine).await;
    let again = Draft { id: draft(2).id, ..message.clone() };
    let told = node.engine.append(&alice, again).await.expect("it is known");
    assert_eq!((told.id, told.replayed, told.live), (message.id, true, 1));
    let reader = Reader { user: alice.clone(), fenced: opened.fenced, after: opened.joined };
    let page = other.engine.read(&reader, 10, 1000).await.unwrap().expect("it stands");
    assert_eq!(page.messages.len(), 1, "it was accepted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_whose_answer_was_lost_is_answered_again_or_taken_back() {
    let hall = Hall::on(&[]).await;
    let (proxy, engine, node, other) = apart(&hall).await;
    for taken_back in [false, true] {
        let alice = user(if taken_back { "bob" } else { "alice" });
        let ticket = mint(&other, &alice, 1).await;
        let tried = attempt(&node, Proof::Ticket(ticket, None), 1);
        let looks = Query::User(alice.clone());
        proxy.mute_at(&script::COMMIT_MORE);
        let lost = node.engine.admit(tried.clone()).await;
        assert_eq!(lost, Err(NotAdmitted::Failed(Failed::Unknown)));
        assert_eq!(other.engine.sessions(&looks).await.unwrap().len(), 1, "it was done");
        until_lost(&engine).await;
        proxy.speak();
        until_here(&engine).await;
        if taken_back {
            node.engine.withdraw(&tried).await.expect("it answers again");
            assert_eq!(other.engine.sessions(&looks).await, Ok(vec![]));
            let late = node.engine.admit(tried).await;
            assert_eq!(late, Err(NotAdmitted::Refused(CloseCode::TicketSpent)));
        } else {
            let again = node.engine.admit(tried.clone()).await.expect("it is the same attempt");
            assert_eq!(again.admitted.fenced.session, tried.session);
            assert_eq!(again.admitted.token, tried.token);
            assert_eq!(other.engine.sessions(&looks).await.unwrap().len(), 1);
        }
    }
}
