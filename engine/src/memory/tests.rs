//! The contract, and what only an engine in one process can show.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use kernel::{message::NodeRef, registry::Proof, stream::Bounds};
use protocol::{
    grant::{Meta, Policy, SendGrant},
    id::SessionId,
    partition::slice_of,
    target::Target,
};

use super::*;
use crate::suite::{Node, Rig};

/// Envelopes that a mailbox takes.
const ROOM: usize = 600;

const SHARDS: usize = 2;

crate::suite!(desk);

/// One engine whose clock is set by hand.
struct Desk {
    now: Arc<AtomicU64>,
}

async fn desk() -> Desk {
    Desk { now: Arc::new(AtomicU64::new(1_700_000_000_000)) }
}

#[async_trait]
impl Rig for Desk {
    fn nodes(&self) -> usize {
        1
    }

    async fn start(&self, name: &str) -> Node {
        let (mailboxes, shards) = Mailboxes::new(SHARDS, ROOM);
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || Timestamp(now.load(Ordering::SeqCst)));
        let engine = Arc::new(Memory::new(self.terms(), mailboxes, clock));
        let me = Arc::new(NodeRef { id: name.into(), generation: 1 });
        Node { engine, me, shards }
    }

    async fn pass(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap();
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    fn patience(&self) -> Duration {
        Duration::MAX
    }

    async fn arrive(&self) {}

    fn terms(&self) -> Terms {
        let stream = Bounds { messages: 100, bytes: 8 * 1024, ..Bounds::default() };
        Terms { stream, ..Terms::default() }
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn clock(&self) -> Option<Timestamp> {
        Some(Timestamp(self.now.load(Ordering::SeqCst)))
    }

    fn mailbox(&self) -> Option<usize> {
        Some(ROOM)
    }
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

/// A session of `user` that ends after `age`, at the only node.
async fn open(node: &Node, user: &UserId, bits: u128, age: Duration) {
    let partition = Partition::of(user);
    let ticket = Ticket::new(partition, bits);
    let grant = Grant {
        user: user.clone(),
        device: None,
        class: None,
        policy: Policy::MULTI,
        send: SendGrant::None,
        origin: None,
        max_age: Some(age),
        meta: Meta::default(),
    };
    node.engine.mint(ticket, grant, age).await.unwrap();
    let attempt = Attempt {
        proof: Proof::Ticket(ticket, None),
        session: SessionId::new(partition, bits),
        token: ResumeToken::new(partition, bits),
        node: Arc::clone(&node.me),
        address: Ipv4Addr::LOCALHOST.into(),
        origin: None,
        origin_allowed: false,
    };
    node.engine.admit(attempt).await.unwrap();
}

fn draft(bits: u128) -> Draft {
    Draft {
        id: MessageId::new(Partition(0), bits),
        data: serde_json::from_str("1").unwrap(),
        from: None,
        echo_of: None,
        to: Target::All,
        except: None,
        volatile: false,
        ttl: None,
        key: None,
        by: None,
    }
}

#[tokio::test]
async fn a_full_mailbox_stops_the_users_of_its_shard_only() {
    let node = desk().await.start("n").await;
    let in_shard = |shard| {
        (0..).map(|n| user(&format!("u{n}"))).find(|name| slice_of(name, SHARDS) == shard).unwrap()
    };
    let (stuck, free) = (in_shard(0), in_shard(1));
    for (bits, name) in [&stuck, &free].into_iter().enumerate() {
        open(&node, name, bits as u128, Duration::from_secs(60)).await;
    }
    for bits in 0..ROOM as u128 {
        node.engine.append(&stuck, draft(bits)).await.unwrap();
    }
    assert_eq!(node.engine.append(&stuck, draft(0)).await, Err(Failed::NotDone.into()));
    assert_eq!(node.engine.append(&free, draft(0)).await.map(|receipt| receipt.live), Ok(1));
}

#[tokio::test]
async fn a_shard_that_has_gone_away_stops_nobody() {
    let mut node = desk().await.start("n").await;
    let alice = user("alice");
    open(&node, &alice, 1, Duration::from_secs(60)).await;
    node.shards.clear();
    for bits in 0..2 * ROOM as u128 {
        node.engine.append(&alice, draft(bits)).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_partition_is_swept_in_several_rounds() {
    let desk = desk().await;
    let mut node = desk.start("n").await;
    let alice = user("alice");
    let age = Duration::from_secs(60);
    let users: Vec<_> = (0..)
        .map(|n| user(&format!("u{n}")))
        .filter(|other| Partition::of(other) == Partition::of(&alice))
        .take(4)
        .collect();
    for (user, bits) in users.iter().cycle().zip(0..400) {
        open(&node, user, bits, age).await;
    }
    desk.pass(age).await;
    let mut rounds = Vec::new();
    for _ in 0..5 * PARTITIONS {
        let ended = node.engine.sweep().await.unwrap().len();
        rounds.extend((ended > 0).then_some(ended));
    }
    assert_eq!(rounds, [SWEPT_MAX, SWEPT_MAX, SWEPT_MAX, 400 - 3 * SWEPT_MAX]);
    let mut told = 0;
    for shard in &mut node.shards {
        while shard.letters.try_recv().is_ok() {
            told += 1;
        }
    }
    assert_eq!(told, 400);
}
