//! Ear: what is heard from one server.
//!
//! Which channels are heard is noted as the server says so, since it may end one unasked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::partition::Partition;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};

use super::{
    pulse::Pulse,
    queue::{Queue, Sent},
    wire,
};

/// What is heard from one server.
#[derive(Debug)]
pub(super) struct Ear {
    /// What the carrier has not taken yet.
    pub(super) queue: Queue,
    /// The partitions whose channels are heard.
    open: Mutex<BTreeSet<Partition>>,
    /// The last proof that was heard.
    heard: watch::Sender<u64>,
    /// The last proof that the carrier came to.
    proven: watch::Sender<u64>,
    /// Whether the listening connection is lost.
    deaf: AtomicBool,
    /// Something is to be looked after.
    alarm: Notify,
    /// What comes by the listening connection.
    pub(super) pulse: Pulse,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::default(),
            open: Mutex::default(),
            heard: watch::Sender::new(0),
            proven: watch::Sender::new(0),
            deaf: AtomicBool::new(false),
            alarm: Notify::new(),
            pulse: Pulse::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<Partition>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions whose channels are heard.
    pub(super) fn opened(&self) -> BTreeSet<Partition> {
        self.open().clone()
    }

    /// Whether a partition's channel is heard.
    pub(super) fn hears(&self, partition: Partition) -> bool {
        self.open().contains(&partition)
    }

    /// The numbers of proofs, as they are heard.
    pub(super) fn heard(&self) -> watch::Receiver<u64> {
        self.heard.subscribe()
    }

    /// The numbers of proofs, as the carrier comes to them.
    pub(super) fn proven(&self) -> watch::Receiver<u64> {
        self.proven.subscribe()
    }

    /// The carrier came to a proof.
    pub(super) fn prove(&self, number: u64) {
        self.proven.send_modify(|proven| *proven = number.max(*proven));
    }

    /// Returns when the connection is lost, or a channel.
    pub(super) async fn alarm(&self) {
        self.alarm.notified().await;
    }

    /// Whether nothing more will be heard.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::Acquire)
    }

    /// Makes whoever looks after it look.
    pub(super) fn wake(&self) {
        self.alarm.notify_one();
    }

    /// Listens anew, to nothing yet.
    pub(super) fn hear_again(&self) {
        self.open().clear();
        self.deaf.store(false, Ordering::Release);
    }

    /// Notes what a listening connection says.
    fn note(&self, inboxes: &HashMap<Vec<u8>, Partition>, PushInfo { kind, data }: PushInfo) {
        self.pulse.beat();
        let mut data = data.into_iter();
        let inbox = match data.next() {
            Some(Value::BulkString(inbox)) => inboxes.get(&inbox).copied(),
            _ => None,
        };
        match (kind, inbox) {
            (PushKind::Disconnection, _) => {
                self.deaf.store(true, Ordering::Release);
                self.wake();
            }
            (PushKind::SSubscribe, Some(partition)) => {
                self.open().insert(partition);
            }
            // Nobody asked for the end of a channel: its slot has moved.
            (PushKind::SUnsubscribe, Some(partition)) => {
                self.open().remove(&partition);
                self.wake();
            }
            (PushKind::SMessage, Some(partition)) => {
                let Some(Value::BulkString(text)) = data.next() else { return };
                let proof = wire::proof_of(&text);
                self.queue.put(Sent::Text(partition, text));
                if let Some(number) = proof {
                    self.heard.send_modify(|heard| *heard = number.max(*heard));
                }
            }
            _ => {}
        }
    }
}

/// What hears a connection to a server; `inboxes` says which partition each channel is of. One that
/// was given up since is heard no more.
pub(super) fn hearing(
    ear: Arc<Ear>,
    inboxes: HashMap<Vec<u8>, Partition>,
    counts: Arc<AtomicBool>,
) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |push| {
        if counts.load(Ordering::Acquire) {
            ear.note(&inboxes, push);
        }
        Ok(())
    }
}
