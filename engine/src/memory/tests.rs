//! The contract, and what only an engine in one process can show.

use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use kernel::{message::NodeRef, stream::Bounds};

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
