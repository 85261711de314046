//! Keeper: what a node does all the while: connect, listen, renew its leases, and see to it that
//! what is sent to it arrives.
//!
//! A renewal says how many envelopes were sent, how many sessions the registry has here, and in
//! which epoch. What does not fit what the node knows is repaired. With each renewal the node also
//! sends something to itself, since a connection that is half open does not say so.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use protocol::{id::SessionId, partition::Partition};
use redis::{Cmd, Pipeline, aio::MultiplexedConnection};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    Health, Redis, Refused,
    kept::{self, number},
    link::Fault,
    post::Sent,
    script, wire,
};
use crate::contract::Failed;

/// Renewals in the time of a lease: two may fail.
const RENEWALS: u32 = 3;

/// Between two things that a node sends to itself; and the longest that one takes.
const SOUNDS: Duration = Duration::from_millis(500);
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// Between two tries to connect; each time a little longer, up to the last.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// What a renewal says: epoch, envelopes, sessions, and whether the lease had lapsed.
type Renewed = (String, String, usize, u8);

/// The connection that listens.
pub(super) struct Listening {
    /// What it hears counts while this holds.
    heard: Arc<AtomicBool>,
    _line: MultiplexedConnection,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.heard.store(false, Ordering::Release);
    }
}

/// What the last renewal said of each partition.
#[derive(Debug, Default)]
struct Known {
    epochs: HashMap<Partition, String>,
    /// Sessions that the registry had here, and the node did not.
    strangers: HashMap<Partition, BTreeSet<SessionId>>,
    /// Sessions that the node had, and the registry not here.
    missing: HashMap<Partition, BTreeSet<SessionId>>,
}

/// Why it begins anew: what Redis says, if it was asked.
struct Why(Option<Refused>);

impl From<Fault> for Why {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotDone | Fault::Unknown | Fault::Foreign => Self(None),
        }
    }
}

/// Runs what an engine does beside its steps. Without it leases lapse, and nothing arrives.
#[derive(Debug)]
pub struct Tasks {
    pub(super) engine: Arc<Redis>,
    pub(super) waiting: mpsc::Receiver<Sent>,
}

impl Tasks {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let Self { engine, waiting } = self;
        tokio::join!(engine.carry(waiting), engine.keep_all(), engine.hear_all());
    }
}

impl Redis {
    /// Keeps the node connected, and its leases.
    async fn keep_all(&self) {
        let mut tries = 0;
        let mut known = Known::default();
        loop {
            match self.keep_on(&mut known, &mut tries).await {
                Ok(never) => match never {},
                Err(why) => {
                    self.health
                        .send_replace(Health::Lost(why.0.map(|refused| refused.to_string())));
                    let pause = PAUSES[tries.min(PAUSES.len() - 1)];
                    tries += 1;
                    sleep(pause).await;
                }
            }
        }
    }

    /// Connects what is not connected, repairs, and then renews until something is lost.
    async fn keep_on(
        &self,
        known: &mut Known,
        tries: &mut usize,
    ) -> Result<std::convert::Infallible, Why> {
        if !self.link.is_there() {
            let connected = self.link.connect(&self.keys.layout()).await;
            connected.map_err(|refused| Why(Some(refused)))?;
        }
        let listening = self.listen().await?;
        // After the listening began: what was sent before is repaired, what comes later is heard.
        for (partition, renewed) in Partition::all().zip(self.renew().await?) {
            known.epochs.insert(partition, renewed.0);
            self.post.put(Sent::Anew(partition, number(&renewed.1)?));
        }
        let (repaired, mut proven) = (self.sound().await?, self.post.proven());
        *tries = 0;
        let (mut renewals, mut sounds) = (interval(self.lease / RENEWALS), interval(SOUNDS));
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let mut is_repaired = false;
        loop {
            let mut renews = false;
            tokio::select! {
                _ = renewals.tick() => renews = true,
                _ = sounds.tick() => {}
                () = self.post.alarm() => {}
                () = self.link.lost() => {}
                // Repairs may take longer than a lease, so they are not waited for.
                _ = proven.wait_for(|proven| *proven >= repaired), if !is_repaired => {
                    is_repaired = true;
                    self.health.send_replace(Health::Here);
                }
            }
            // What is lost here is found by those who use it, and connected again.
            if !self.link.is_there() || self.post.is_deaf() {
                drop(listening);
                return Err(Fault::NotDone.into());
            }
            if renews || self.post.is_spilt() {
                self.round(known).await?;
            } else {
                self.sound().await?;
            }
        }
    }

    /// Listens to what is sent to this node, in all partitions.
    async fn listen(&self) -> Result<Listening, Why> {
        let inbox = |partition| self.keys.inbox(partition, &self.me);
        let inboxes: HashMap<Vec<u8>, Partition> =
            Partition::all().map(|one| (inbox(one).into_bytes(), one)).collect();
        let heard = Arc::new(AtomicBool::new(true));
        self.post.hear_again();
        let ear = self.post.ear(inboxes, Arc::clone(&heard));
        let mut line = self.link.listen(ear).await?;
        // The first alone: what stands against it stands against all.
        let first = redis::cmd("SSUBSCRIBE").arg(inbox(Partition(0))).exec_async(&mut line).await;
        first.map_err(|error| Why(Some(self.link.refused(&error))))?;
        // One each: a command with several has several answers.
        let mut subscribe = Pipeline::new();
        for partition in Partition::all() {
            subscribe.cmd("SSUBSCRIBE").arg(inbox(partition)).ignore();
        }
        let subscribed: Result<(), _> = subscribe.query_async(&mut line).await;
        subscribed.or(Err(Fault::NotDone))?;
        Ok(Listening { heard, _line: line })
    }

    /// Renews all leases.
    async fn renew(&self) -> Result<Vec<Renewed>, Fault> {
        let node = self.me.to_string();
        let words = [node.clone(), self.lease.as_millis().to_string()];
        let calls = Partition::all().map(|partition| {
            let keys = vec![
                self.keys.primary(partition),
                self.keys.lease(partition),
                self.keys.mail(partition),
                self.keys.node(partition, &node),
            ];
            (keys, words.to_vec())
        });
        let renewed: Result<Vec<Renewed>, Fault> = self.link.run_all(&script::RENEW, calls).await;
        if renewed.is_err() {
            // Whether it is lost or only silent: another may do better.
            self.link.give_up();
        }
        let renewed = renewed?;
        if renewed.len() == Partition::all().count() { Ok(renewed) } else { Err(Fault::Foreign) }
    }

    /// Renews, and looks after what does not fit.
    async fn round(&self, known: &mut Known) -> Result<(), Fault> {
        let spilt = self.post.take_spilt();
        let before: Vec<u64> = Partition::all().map(|one| self.post.last(one)).collect();
        let renewed = self.renew().await?;
        // All that was counted has arrived before this does, or never will.
        self.sound().await?;
        for (partition, (epoch, count, sessions, lapsed)) in Partition::all().zip(renewed) {
            let count = number(&count)?;
            let is_new = known.epochs.insert(partition, epoch.clone()) != Some(epoch);
            let went_back = count < before[usize::from(partition.0)];
            self.post.put(match is_new || went_back || spilt || lapsed == 1 {
                true => Sent::Anew(partition, count),
                false => Sent::Due(partition, count),
            });
            self.compare(known, partition, sessions).await?;
        }
        Ok(())
    }

    /// Looks whether the registry has here what the node has. A step under way explains a
    /// difference once, but not twice.
    async fn compare(
        &self,
        known: &mut Known,
        partition: Partition,
        sessions: usize,
    ) -> Result<(), Fault> {
        let here = self.roll.count(partition);
        if sessions == here {
            known.strangers.remove(&partition);
            known.missing.remove(&partition);
            return Ok(());
        }
        let mut members = Cmd::new();
        members.arg("SMEMBERS").arg(self.keys.node(partition, &self.me.to_string()));
        let members: Vec<String> = self.link.ask(&members).await?;
        let there: BTreeSet<SessionId> =
            members.iter().map(|id| kept::session(id)).collect::<Result<_, _>>()?;
        let here: BTreeSet<SessionId> = self.roll.sessions(partition).into_iter().collect();
        let strangers: BTreeSet<SessionId> = there.difference(&here).copied().collect();
        let before = known.strangers.insert(partition, strangers.clone()).unwrap_or_default();
        let twice: Vec<SessionId> = strangers.intersection(&before).copied().collect();
        self.release(&twice).await?;
        let missing: BTreeSet<SessionId> = here.difference(&there).copied().collect();
        let before = known.missing.insert(partition, missing.clone()).unwrap_or_default();
        if !missing.is_disjoint(&before) {
            self.post.put(Sent::Anew(partition, self.post.last(partition)));
        }
        Ok(())
    }

    /// Returns when all that was sent to this node before has been delivered to its mailboxes.
    ///
    /// # Errors
    /// If it does not come.
    pub async fn proof(&self) -> Result<(), Failed> {
        let number = self.sound().await.map_err(Fault::of_look)?;
        let mut proven = self.post.proven();
        let arrived = timeout(self.patience, proven.wait_for(|proven| *proven >= number)).await;
        match arrived {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Failed::NotDone),
        }
    }

    /// Sends something to this node itself, and returns its number when it was heard. All that was
    /// sent before is then with the carrier.
    async fn sound(&self) -> Result<u64, Fault> {
        let number = self.proofs.fetch_add(1, Ordering::Relaxed) + 1;
        let mut heard = self.post.heard();
        let mut publish = Cmd::new();
        publish.arg("SPUBLISH").arg(self.keys.inbox(Partition(0), &self.me));
        publish.arg(wire::proof(number));
        let sound = async {
            let listeners: u32 = self.link.ask(&publish).await?;
            if listeners == 0 {
                return Err(Fault::NotDone);
            }
            heard.wait_for(|heard| *heard >= number).await.map(|_| ()).or(Err(Fault::NotDone))
        };
        let Ok(heard) = timeout(HEARD_WITHIN, sound).await else {
            // Nobody else should wait for it either.
            self.link.give_up();
            return Err(Fault::NotDone);
        };
        heard.map(|()| number)
    }

    /// Something could not be repaired: all is to be.
    pub(super) fn unsure(&self) {
        self.link.give_up();
        self.post.wake();
    }
}
