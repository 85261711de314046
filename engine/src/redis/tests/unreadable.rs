//! What is kept of one user cannot be read; that harms nobody else.

use std::collections::BTreeSet;

use kernel::message::Notice;

use super::{losses::send_astray, stage::*, *};
use crate::fleet::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn one_user_who_cannot_be_read_stops_nobody_else() {
    let mut hall = Hall::on(&[]).await;
    hall.window = Duration::from_secs(2);
    let (engine, mut node) = hall.engine("n0").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let mut names = (0..).map(|n| user(&format!("user-{n}")));
    let shard = |user: &UserId| protocol::partition::slice_of(user, SHARDS);
    let is_beside =
        |user: &UserId| Partition::of(user) == partition && shard(user) == shard(&alice);
    let (bob, carol) = (names.find(is_beside).unwrap(), names.find(is_beside).unwrap());
    let (spoiled, parked) = (open(&node, &alice, 1).await, open(&node, &alice, 2).await);
    let (heard, over) = (open(&node, &bob, 3).await, open(&node, &bob, 4).await);
    let replaced = open(&node, &carol, 5).await;
    for one in [&parked, &over] {
        node.engine.depart(one.fenced, Departure::Park).await.unwrap();
    }
    let keys = [&alice, &carol].map(|user| engine.keys.user(partition, Some(user)));
    let mut spoil = redis::pipe();
    spoil.hset(&keys[0], format!("c:{}", spoiled.fenced.session), "{").set(&keys[1], "x");
    for command in spoil.cmd_iter() {
        let _done: redis::Value = hall.server.ask(command).await;
    }
    send_astray(&hall, &engine, &bob, 1).await;
    let mut told = BTreeMap::new();
    while told.len() < 3 {
        let one = tokio::time::timeout(hall.lease, next(&mut node, &alice)).await;
        let envelope = one.expect("it is made up for");
        told.insert(envelope.user, envelope.notice);
    }
    assert!(matches!(told[&bob], Notice::Message(_)));
    for (user, one) in [(&alice, &spoiled), (&carol, &replaced)] {
        let Notice::End { sessions, end } = &told[user] else { panic!("{told:?}") };
        assert_eq!((&sessions[..], end.code), (&[one.fenced][..], CloseCode::Drain));
    }
    until_here(&engine).await;
    hall.pass(hall.window).await;
    let ended: Vec<_> = node.sweep().await.into_iter().map(|one| one.session).collect();
    assert_eq!(ended, [over.fenced.session]);
    let listed = node.engine.sessions(&Query::All { after: None, most: 10 }).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|one| one.id).collect();
    assert_eq!(listed, [heard.fenced.session]);
    let mut unreadable = engine.unreadable();
    unreadable.sort();
    assert_eq!(unreadable, BTreeSet::from(keys).into_iter().collect::<Vec<_>>());
    assert_eq!(engine.unreadable(), [""; 0], "it is told once");
}
