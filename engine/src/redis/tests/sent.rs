//! What users' sessions sent is known by its keys, the last of each user's.

use kernel::registry::{Key, KeyScope};
use protocol::limit::KEYS_PER_SENDER_MAX;

use super::{stage::*, *};

#[tokio::test]
async fn a_key_that_is_over_is_new_again_and_not_the_oldest() {
    let hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let mut bits = 0;
    let mut send = async |n: usize| {
        bits += 1;
        let scope = KeyScope::User(bob.clone());
        let key = Key { scope, text: n.to_string().into(), fingerprint: 1 };
        let sent = node.engine.append(&alice, Draft { key: Some(key), ..draft(bits) }).await;
        sent.expect("there is room").replayed
    };
    assert!(!send(0).await && send(0).await);
    let key = engine.keys.sent(Partition::of(&alice), &bob);
    let first: String = hall.server.ask(redis::cmd("HGET").arg(&key).arg("0")).await;
    let kept: String = hall.server.ask(redis::cmd("HGET").arg(&key).arg(&first)).await;
    let (_, rest) = kept.split_once(' ').expect("its time comes first");
    let over = redis::cmd("HSET").arg(&key).arg(&first).arg(format!("1 {rest}")).clone();
    assert_eq!(hall.server.ask::<u32>(&over).await, 0);
    assert!(!send(0).await && send(0).await);
    for n in 1..KEYS_PER_SENDER_MAX {
        assert!(!send(n).await, "{n}");
    }
    assert!(send(0).await, "its old turn was another's");
    let fields: usize = hall.server.ask(redis::cmd("HLEN").arg(&key)).await;
    assert_eq!(fields, 2 * KEYS_PER_SENDER_MAX + 1);
    assert!(!send(KEYS_PER_SENDER_MAX).await && !send(0).await, "it was the oldest");
    let memory: usize = hall.server.ask(redis::cmd("MEMORY").arg("USAGE").arg(&key)).await;
    let lasts: u64 = hall.server.ask(redis::cmd("PTTL").arg(&key)).await;
    assert!(memory < 128 * 1024 && lasts > 0, "{memory} {lasts}");
    let fields: usize = hall.server.ask(redis::cmd("HLEN").arg(&key)).await;
    assert_eq!(fields, 2 * KEYS_PER_SENDER_MAX + 1);
}
