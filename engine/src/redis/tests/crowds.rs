//! More than a node can take for a while.

use kernel::message::Notice;
use protocol::position::Position;

use super::{stage::*, *};

/// A message of the largest kind.
fn large(bits: u128) -> Draft {
    let data = format!("\"{}\"", "x".repeat(60 * 1024));
    Draft { data: serde_json::from_str(&data).unwrap(), ..draft(bits) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_made_up_for_once() {
    const USERS: usize = 8;
    const EACH: usize = 160;
    let mut hall = Hall::on(&[]).await;
    // Long enough that none lapses on a busy machine: that is a repair of each partition.
    hall.lease = Duration::from_secs(15);
    hall.stream = Bounds { messages: 2 * EACH, bytes: 1 << 30, age: Duration::from_secs(600) };
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let shard = |user: &UserId| protocol::partition::slice_of(user, SHARDS);
    let users = (0..).map(|n| user(&format!("user-{n}"))).filter(|user| shard(user) == 0);
    let users: Vec<UserId> = users.take(USERS).collect();
    let mut expected = BTreeMap::new();
    for (bits, user) in (1..).zip(&users) {
        let joined = open(&node, user, bits).await.joined;
        let all = (1..=EACH as u64).map(|n| Position { seq: joined.seq + n, ..joined });
        expected.insert(user.clone(), Vec::from_iter(all));
    }
    fill(&engine, &node, &users[0]);
    let before = engine.repaired();
    for bits in 0..EACH {
        for (at, user) in users.iter().enumerate() {
            let sent = other.engine.append(user, large((bits * USERS + at) as u128)).await;
            sent.expect("it is accepted");
        }
    }
    // A renewal finds it full as well.
    hall.pass(hall.lease / 3).await;
    let mut came: BTreeMap<UserId, Vec<Position>> = BTreeMap::new();
    while came != expected {
        let letter = node.shards[0].letters.recv().await.expect("the engine is there");
        let Some(envelope) = letter.envelope() else { continue };
        let Notice::Message(message) = envelope.notice else { continue };
        let position = message.position.expect("none is volatile");
        let known = came.entry(envelope.user).or_default();
        known.push(position);
        assert!(known.len() <= EACH);
    }
    engine.proof().await.expect("it is all delivered");
    let repaired = engine.repaired() - before;
    assert!(repaired <= 2 * USERS as u64, "{repaired} repairs for {USERS} partitions");
}
