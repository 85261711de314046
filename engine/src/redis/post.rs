//! Post: what Redis sends to this node, put into the mailboxes of its shards.
//!
//! Pub/sub is a doorbell that may fail. Each envelope has a number, one more than the last that was
//! sent to this node in its partition. One that is missing is not asked for again: what it said is
//! read where it is kept (`repair`), and only then the later ones are delivered, so that the order
//! holds. The queue between is bounded: what it cannot take is as lost as what the network lost.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use kernel::message::Envelope;
use protocol::partition::{PARTITIONS, Partition};
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc, watch};

use super::{
    Redis,
    wire::{self, Arrival, Mail},
};

/// Envelopes that may wait for the shards to take them.
const WAITING_MAX: usize = 1 << 16;

/// What is put before the carrier.
#[derive(Debug)]
pub(super) enum Sent {
    /// It came by a partition's channel.
    Text(Partition, Vec<u8>),
    /// By now this many envelopes were sent; those that have not come are to be made up for.
    Due(Partition, u64),
    /// The same, where nothing that came before counts any more.
    Anew(Partition, u64),
}

/// What the listener and others know of the post.
#[derive(Debug)]
pub(super) struct Post {
    queue: mpsc::Sender<Sent>,
    /// The number of the last envelope that came, for each partition.
    last: Box<[AtomicU64]>,
    /// Partitions whose last repair failed.
    broken: Box<[AtomicBool]>,
    /// The last proof that was heard.
    heard: watch::Sender<u64>,
    /// The last proof that the carrier came to.
    proven: watch::Sender<u64>,
    /// Whether the node was asked to go away.
    asked: watch::Sender<bool>,
    /// Whether something could not be taken.
    spilt: AtomicBool,
    /// Whether the listening connection is lost, or a channel of it.
    deaf: AtomicBool,
    /// Something is to be looked after.
    alarm: Notify,
    /// How many partitions were repaired.
    repaired: AtomicU64,
}

impl Post {
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<Sent>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let post = Self {
            queue,
            last: (0..PARTITIONS).map(|_| AtomicU64::new(0)).collect(),
            broken: (0..PARTITIONS).map(|_| AtomicBool::new(false)).collect(),
            heard: watch::Sender::new(0),
            proven: watch::Sender::new(0),
            asked: watch::Sender::new(false),
            spilt: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            alarm: Notify::new(),
            repaired: AtomicU64::new(0),
        };
        (Arc::new(post), waiting)
    }

    pub(super) fn last(&self, partition: Partition) -> u64 {
        self.last[usize::from(partition.0)].load(Ordering::Acquire)
    }

    fn set_last(&self, partition: Partition, last: u64) {
        self.last[usize::from(partition.0)].store(last, Ordering::Release);
    }

    /// The numbers of proofs, as they are heard.
    pub(super) fn heard(&self) -> watch::Receiver<u64> {
        self.heard.subscribe()
    }

    /// The numbers of proofs, as the carrier comes to them.
    pub(super) fn proven(&self) -> watch::Receiver<u64> {
        self.proven.subscribe()
    }

    /// Whether the node was asked to go away.
    pub(super) fn asked_to_leave(&self) -> watch::Receiver<bool> {
        self.asked.subscribe()
    }

    /// How many partitions were repaired.
    pub(super) fn repaired(&self) -> u64 {
        self.repaired.load(Ordering::Relaxed)
    }

    /// Returns when the connection is lost, or something was.
    pub(super) async fn alarm(&self) {
        self.alarm.notified().await;
    }

    /// Whether anything could not be taken since the last time.
    pub(super) fn take_spilt(&self) -> bool {
        self.spilt.swap(false, Ordering::AcqRel)
    }

    /// Whether anything could not be taken.
    pub(super) fn is_spilt(&self) -> bool {
        self.spilt.load(Ordering::Acquire)
    }

    /// Whether nothing more will be heard.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::Acquire)
    }

    /// Makes whoever looks after it look.
    pub(super) fn wake(&self) {
        self.alarm.notify_one();
    }

    /// Listens anew.
    pub(super) fn hear_again(&self) {
        self.deaf.store(false, Ordering::Release);
    }

    /// Puts something before the carrier. If there is no room, all is made up for later.
    pub(super) fn put(&self, sent: Sent) {
        if self.queue.try_send(sent).is_err() {
            self.raise(&self.spilt);
        }
    }

    fn is_broken(&self, partition: Partition) -> bool {
        self.broken[usize::from(partition.0)].load(Ordering::Acquire)
    }

    fn set_broken(&self, partition: Partition, broken: bool) {
        self.broken[usize::from(partition.0)].store(broken, Ordering::Release);
    }

    fn raise(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.alarm.notify_one();
    }

    /// What hears a connection; `inboxes` says which partition each is of. One that was given up
    /// since is heard no more.
    pub(super) fn ear(
        self: &Arc<Self>,
        inboxes: HashMap<Vec<u8>, Partition>,
        heard: Arc<AtomicBool>,
    ) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
        let post = Arc::clone(self);
        move |PushInfo { kind, data }| {
            if !heard.load(Ordering::Acquire) {
                return Ok(());
            }
            match kind {
                PushKind::SMessage => {
                    let mut data = data.into_iter();
                    let (Some(Value::BulkString(inbox)), Some(Value::BulkString(text))) =
                        (data.next(), data.next())
                    else {
                        return Ok(());
                    };
                    let Some(partition) = inboxes.get(&inbox) else { return Ok(()) };
                    let proof = wire::proof_of(&text);
                    post.put(Sent::Text(*partition, text));
                    if let Some(number) = proof {
                        post.heard.send_modify(|heard| *heard = number.max(*heard));
                    }
                }
                // Nobody asked for the end of a channel: its slot has moved.
                PushKind::Disconnection | PushKind::SUnsubscribe => post.raise(&post.deaf),
                _ => {}
            }
            Ok(())
        }
    }
}

impl Redis {
    /// Delivers what comes, for as long as the engine is there.
    pub(super) async fn carry(&self, mut waiting: mpsc::Receiver<Sent>) {
        while let Some(sent) = waiting.recv().await {
            match sent {
                Sent::Text(partition, text) => self.sort(partition, &text).await,
                Sent::Due(partition, due) if self.post.last(partition) < due => {
                    self.mend(partition, due).await;
                }
                Sent::Due(..) => {}
                Sent::Anew(partition, due) => self.mend(partition, due).await,
            }
        }
    }

    async fn sort(&self, partition: Partition, text: &[u8]) {
        let arrival = str::from_utf8(text).map(wire::arrival);
        let (number, mail) = match arrival {
            Ok(Ok(Arrival::Counted(number, mail))) => (number, mail),
            Ok(Ok(Arrival::Proof(number))) => {
                self.post.proven.send_modify(|proven| *proven = number.max(*proven));
                return;
            }
            Ok(Ok(Arrival::Gone(fenced))) => return self.roll.remove(fenced),
            Ok(Ok(Arrival::Leave)) => {
                self.post.asked.send_replace(true);
                return;
            }
            // Whoever can publish here can do worse; it is not ours.
            Ok(Err(_)) | Err(_) => return,
        };
        let last = self.post.last(partition);
        if number <= last {
            return;
        }
        if number > last + 1 {
            self.mend(partition, number - 1).await;
        }
        self.post.set_last(partition, number);
        if self.post.is_broken(partition) {
            // What was missed before it is not known yet. The repair that is to come finds it too.
            return;
        }
        match mail {
            Mail::Envelope(envelope) => self.deliver(envelope).await,
            // Too many wait already: it is for those who are there now, and is not kept.
            Mail::Broadcast(message) => drop(self.mailboxes.deliver_to_all(&message)),
            Mail::Foreign => self.mend(partition, number).await,
        }
    }

    /// Makes up for all that should have come by now. If Redis does not answer, the whole node is to
    /// be repaired when it does, and nothing is delivered here before that.
    async fn mend(&self, partition: Partition, due: u64) {
        self.post.set_last(partition, due);
        self.post.repaired.fetch_add(1, Ordering::Relaxed);
        let repaired = self.repair(partition).await;
        self.post.set_broken(partition, repaired.is_err());
        if repaired.is_err() {
            self.unsure();
        }
    }

    /// Delivers an envelope, when its shard has room.
    pub(super) async fn deliver(&self, envelope: Envelope) {
        self.roll.note(&envelope);
        self.mailboxes.deliver_in_time(envelope).await;
    }
}
