//! Keys: a message that is sent again under its key is accepted once. And messages to everyone.
#![expect(missing_docs, reason = "the names are sentences")]

use std::sync::Arc;

use kernel::{
    message::{Audience, Message},
    registry::{Draft, Key, KeyScope},
};
use protocol::{
    id::MessageId,
    limit::{BROADCASTS_WAITING_MAX, KEY_MEMORY, KEYS_PER_SENDER_MAX},
    partition::Partition,
    time::Timestamp,
};

use super::{
    Rig,
    stage::{Stage, at_once, data, grant, messages, user},
};
use crate::contract::{Failed, NotAppended};

fn key(text: &str, fingerprint: u128) -> Option<Key> {
    Some(Key { scope: KeyScope::Backend("k".into()), text: text.into(), fingerprint })
}

pub async fn the_same_message_is_accepted_once(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    stage.open_at(0, grant(&alice)).await;
    let first = Draft { key: key("a", 1), ..stage.draft() };
    let receipt = stage.engine(0).append(&alice, first.clone()).await.expect("there is room");
    for n in 0..3 {
        let again = Draft { id: stage.draft().id, ..first.clone() };
        let told = stage.engine(n).append(&alice, again).await.expect("it is known");
        assert!(told.replayed);
        assert_eq!((told.id, told.position), (first.id, receipt.position));
        assert_eq!((told.live, told.parked), (receipt.live, receipt.parked));
    }
    assert_eq!(messages(&stage.all_mail().await).len(), 1);
}

pub async fn of_the_same_message_sent_at_once_one_is_accepted(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    stage.open_at(0, grant(&alice)).await;
    let mut calls = Vec::new();
    for n in 0..24 {
        let draft = Draft { key: key("a", 1), ..stage.draft() };
        let (engine, alice) = (stage.engine(n), alice.clone());
        calls.push(async move { engine.append(&alice, draft).await.expect("there is room") });
    }
    let receipts = at_once(calls).await;
    let first = receipts.iter().filter(|receipt| !receipt.replayed).count();
    assert_eq!(first, 1, "{receipts:?}");
    assert!(receipts.iter().all(|receipt| receipt.id == receipts[0].id), "{receipts:?}");
    assert_eq!(messages(&stage.all_mail().await).len(), 1);
}

pub async fn another_message_under_a_key_is_refused(rig: &dyn Rig) {
    let (mut stage, alice, bob) = (Stage::of(rig).await, user("alice"), user("bob"));
    let mut send = async |to, key: Option<Key>, echo: bool| {
        let echo_of = echo.then(|| user("carol"));
        let draft = Draft { key, echo_of, ..stage.draft() };
        stage.engine(0).append(to, draft).await.map(|receipt| receipt.replayed)
    };
    assert_eq!(send(&alice, key("a", 1), false).await, Ok(false));
    assert_eq!(send(&alice, key("a", 2), false).await, Err(NotAppended::KeyReused));
    assert_eq!(send(&alice, key("a", 1), false).await, Ok(true), "the first still counts");
    assert_eq!(send(&bob, key("a", 2), false).await, Ok(false), "another recipient");
    assert_eq!(send(&alice, key("b", 2), false).await, Ok(false), "another key");
    assert_eq!(send(&alice, key("a", 2), true).await, Ok(false), "a copy is another message");
    let of_user = Key { scope: KeyScope::User(bob.clone()), text: "a".into(), fingerprint: 3 };
    assert_eq!(send(&alice, Some(of_user), false).await, Ok(false), "another sender");
}

pub async fn a_key_is_forgotten_in_time(rig: &dyn Rig) {
    if rig.patience() < KEY_MEMORY {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    for (print, replayed) in [(1, false), (1, true), (2, false)] {
        let draft = Draft { key: key("a", print), ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        assert_eq!(receipt.replayed, replayed, "{print}");
        stage.rig.pass(KEY_MEMORY / 2).await;
    }
    stage.rig.pass(KEY_MEMORY).await;
    stage.sweep().await;
}

pub async fn of_what_a_users_sessions_send_the_last_is_known(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut send = async |sender: &str, n: usize| {
        let scope = match sender {
            "" => KeyScope::Backend("k".into()),
            user_of => KeyScope::User(user(user_of)),
        };
        let key = Key { scope, text: n.to_string().into(), fingerprint: 1 };
        let draft = Draft { key: Some(key), ..stage.draft() };
        stage.engine(n).append(&alice, draft).await.expect("there is room").replayed
    };
    // Those of others are not forgotten for it.
    assert!(!send("", 0).await && !send("carol", 0).await);
    for n in 0..=KEYS_PER_SENDER_MAX {
        assert!(!send("bob", n).await, "{n}");
    }
    assert!(send("bob", 1).await && send("bob", KEYS_PER_SENDER_MAX).await);
    assert!(!send("bob", 0).await, "it made room");
    assert!(!send("bob", 1).await, "so it was the oldest");
    assert!(send("bob", 3).await);
    assert!(send("", 0).await && send("carol", 0).await);
}

pub async fn a_call_to_many_is_known_by_its_key(rig: &dyn Rig) {
    let stage = Stage::of(rig).await;
    let begin = async |key: Option<Key>| stage.engine(0).begin(&key.expect("given")).await;
    assert_eq!(begin(key("a", 1)).await, Ok(()));
    assert_eq!(begin(key("a", 1)).await, Ok(()), "it goes on");
    assert_eq!(begin(key("a", 2)).await, Err(NotAppended::KeyReused));
    assert_eq!(begin(key("b", 2)).await, Ok(()));
}

/// A message to everyone.
fn to_everyone(bits: u128) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::new(Partition(0), bits),
        position: None,
        data: data("all"),
        at: Timestamp(1),
        from: None,
        echo_of: None,
        to: Audience::All,
        except: None,
        expires_at: None,
    })
}

pub async fn a_message_to_everyone_reaches_each_shard_once(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let (message, again) = (to_everyone(1), to_everyone(2));
    let spread = stage.engine(0).everyone(Arc::clone(&message), key("a", 1)).await;
    let spread = spread.expect("there is room");
    assert_eq!(
        (spread.id, spread.nodes as usize, spread.replayed),
        (message.id, stage.nodes(), false)
    );
    let spread = stage.engine(1).everyone(Arc::clone(&again), key("a", 1)).await;
    let spread = spread.expect("it is known");
    assert_eq!((spread.id, spread.replayed), (message.id, true));
    let spread = stage.engine(0).everyone(again, key("a", 2)).await;
    assert_eq!(spread, Err(NotAppended::KeyReused));
    for told in stage.broadcasts().await {
        assert_eq!(told, std::slice::from_ref(&message));
    }
    assert_eq!(stage.all_mail().await, []);
}

pub async fn a_message_to_everyone_is_refused_where_too_many_wait(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    if rig.mailbox().is_none() {
        return;
    }
    for bits in 0..BROADCASTS_WAITING_MAX as u128 {
        stage.engine(0).everyone(to_everyone(bits), None).await.expect("there is room");
    }
    let refused = stage.engine(0).everyone(to_everyone(99), key("a", 1)).await;
    assert_eq!(refused, Err(Failed::NotDone.into()));
    stage.broadcasts().await;
    let spread = stage.engine(0).everyone(to_everyone(99), key("a", 1)).await;
    assert_eq!(spread.map(|spread| spread.replayed), Ok(false), "its key was not used up");
}
