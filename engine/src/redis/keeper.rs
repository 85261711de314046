//! Keeper: what a node does all the while: connect, listen, renew its leases, and see to it that
//! what is sent to it arrives.
//!
//! What a renewal says that does not fit what the node knows is repaired. Beside renewals the node
//! sends something to itself, since a connection that is half open does not say so.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::partition::Partition;
use redis::{Pipeline, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{Redis, Refused, ear, host::Host, link::Fault, queue::Sent, renewals::Renewed};
use crate::{fleet::Health, tenure::RENEWALS};

/// Partitions that are renewed in one go: few enough that nobody else waits long for Redis.
const RENEWED_AT_ONCE: usize = 64;

/// Between two things that a node sends to itself.
const SOUNDS: Duration = Duration::from_millis(500);

/// Between two tries to connect; each time a little longer, up to the last.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Between two looks at where partitions are.
const LOOKS: Duration = Duration::from_millis(50);

/// The connection that listens to a server.
struct Listening {
    /// What it hears counts while this holds.
    counts: Arc<AtomicBool>,
    line: MultiplexedConnection,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.counts.store(false, Ordering::Release);
    }
}

/// The epoch of each partition of a server, as the last renewal said.
type Epochs = HashMap<Partition, String>;

/// Why it begins anew: what Redis says, if it was asked.
struct Why(Option<Refused>);

impl From<Fault> for Why {
    fn from(_: Fault) -> Self {
        Self(None)
    }
}

/// Runs what an engine does beside its steps. Without it leases lapse, and nothing arrives.
#[derive(Debug)]
pub struct Tasks {
    pub(super) engine: Arc<Redis>,
}

impl Tasks {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let Self { engine } = self;
        tokio::join!(engine.keep_all(), engine.follow(), engine.hear_all());
    }
}

impl Redis {
    /// Keeps the node connected to all servers, and its leases there.
    async fn keep_all(&self) {
        let mut changes = self.atlas.changes();
        let (mut running, mut kept) = (Vec::new(), FuturesUnordered::new());
        loop {
            for host in self.atlas.hosts() {
                if !running.iter().any(|one| Arc::ptr_eq(one, &host)) {
                    running.push(Arc::clone(&host));
                    kept.push(self.keep_one(host));
                }
            }
            self.weigh();
            tokio::select! {
                Some(gone) = kept.next() => running.retain(|one| !Arc::ptr_eq(one, &gone)),
                Ok(()) = changes.changed() => {}
                else => return,
            }
        }
    }

    /// Keeps a server for as long as it has partitions.
    async fn keep_one(&self, host: Arc<Host>) -> Arc<Host> {
        let left = async {
            self.keep_with(&host).await;
            host.ear.queue.leave();
        };
        tokio::join!(self.carry(&host), left);
        host
    }

    /// Asks where partitions are, whenever that is in doubt.
    async fn follow(&self) {
        loop {
            self.atlas.doubted().await;
            // Whoever doubts still says so again.
            self.atlas.look().await.ok();
            sleep(LOOKS).await;
        }
    }

    /// Keeps the node connected to a server, and its leases there.
    async fn keep_with(&self, host: &Arc<Host>) {
        let mut tries = 0;
        let mut epochs = Epochs::new();
        while self.atlas.has(host) {
            match self.keep_on(host, &mut epochs, &mut tries).await {
                Ok(never) => match never {},
                Err(why) => {
                    host.fall(why.0.map(|refused| refused.to_string()));
                    self.weigh();
                    // Another may have taken its place.
                    self.atlas.doubt();
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
        host: &Arc<Host>,
        epochs: &mut Epochs,
        tries: &mut usize,
    ) -> Result<Infallible, Why> {
        if !host.link.is_there() {
            let connected = host.link.connect(&self.judge(host)).await;
            connected.map_err(|refused| Why(Some(refused)))?;
        }
        let mut listening = self.listen(host).await?;
        let (differ, differing) = watch::channel(Vec::new());
        differ.send_replace(self.round(host, &mut listening, epochs).await?);
        let repaired = self.sound(host).await?;
        self.look_for_room(host).await;
        *tries = 0;
        // None of these waits for another.
        tokio::select! {
            lost = self.renewals(host, &mut listening, epochs, &differ) => lost,
            lost = self.sounds(host) => lost,
            never = self.rise(host, repaired) => match never {},
            never = self.take_stock(host, differing) => match never {},
        }
    }

    /// Renews until something is lost.
    async fn renewals(
        &self,
        host: &Arc<Host>,
        listening: &mut Listening,
        epochs: &mut Epochs,
        differ: &watch::Sender<Vec<Partition>>,
    ) -> Result<Infallible, Why> {
        let mut renewals = interval(self.lease / RENEWALS);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        let mut changes = self.atlas.changes();
        loop {
            tokio::select! {
                _ = renewals.tick() => {}
                () = host.ear.alarm() => {}
                Ok(()) = changes.changed() => {}
            }
            if host.ear.is_deaf() || !self.atlas.has(host) {
                return Err(Fault::NotDone.into());
            }
            differ.send_replace(self.round(host, listening, epochs).await?);
        }
    }

    /// Sends something to this node again and again, until something is lost.
    async fn sounds(&self, host: &Arc<Host>) -> Result<Infallible, Why> {
        let mut sounds = interval(SOUNDS);
        sounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = sounds.tick() => {}
                () = host.link.lost() => {}
            }
            // What is lost here is found by those who use it, and connected again.
            if !host.link.is_there() {
                return Err(Fault::NotDone.into());
            }
            self.sound(host).await?;
            self.look_for_room(host).await;
        }
    }

    /// The server is there when what was lost of it has been made up for. That may take longer than a
    /// lease.
    async fn rise(&self, host: &Host, repaired: u64) -> Infallible {
        if host.ear.proven().wait_for(|proven| *proven >= repaired).await.is_ok() {
            host.rise();
            self.weigh();
        }
        pending().await
    }

    /// Tells whether the engine is there, by the partitions that are.
    pub(super) fn weigh(&self) {
        let is_there = |partition: &Partition| {
            let host = self.atlas.host(*partition);
            let hears = |host: &Arc<Host>| host.is_up() && host.ear.hears(*partition);
            host.as_ref().is_some_and(hears) && !self.counts.is_broken(*partition)
        };
        let all = Partition::all().count();
        let there = Partition::all().filter(is_there).count();
        let why = || self.atlas.hosts().iter().find_map(|host| host.why());
        let full = |host: &Arc<Host>| Some((self.atlas.of(host).len(), host.full()?));
        let full =
            || self.atlas.hosts().iter().filter_map(full).reduce(|(a, why), (b, _)| (a + b, why));
        let now = match all - there {
            0 => full().map_or(Health::Here, |(some, why)| Health::Full(some, why.to_string())),
            lost if lost * 2 < all => Health::Partly(lost, why()),
            _ => Health::Lost(why()),
        };
        self.health.send_if_modified(|health| {
            let is_new = *health != now;
            *health = now;
            is_new
        });
    }

    /// Begins to listen to a server; no partition is heard yet.
    async fn listen(&self, host: &Arc<Host>) -> Result<Listening, Why> {
        let inbox = |partition| self.keys.inbox(partition, &self.me).into_bytes();
        let inboxes = Partition::all().map(|one| (inbox(one), one)).collect();
        let counts = Arc::new(AtomicBool::new(true));
        host.ear.hear_again();
        let ear = ear::hearing(Arc::clone(&host.ear), inboxes, Arc::clone(&counts));
        let line = host.link.listen(ear).await;
        if line.is_err() {
            // What waits for answers there waits in vain.
            host.link.give_up();
        }
        Ok(Listening { counts, line: line? })
    }

    /// Listens to those partitions of a server that are not heard yet. Which are heard then, the ear
    /// knows: answers may be mistaken for each other, when a channel ends unasked in between.
    async fn open(&self, host: &Arc<Host>, listening: &mut Listening) -> Result<(), Why> {
        let open = host.ear.opened();
        let mut missing = self.atlas.of(host);
        missing.retain(|one| !open.contains(one));
        let Some(first) = missing.first() else { return Ok(()) };
        let subscribe = |partition| {
            let mut subscribe = redis::cmd("SSUBSCRIBE");
            subscribe.arg(self.keys.inbox(partition, &self.me));
            subscribe
        };
        // The first alone: what stands against it stands against all, unless it has moved.
        match subscribe(*first).exec_async(&mut listening.line).await {
            Err(error) if Fault::from(&error) == Fault::Moving => self.atlas.doubt(),
            Err(error) => return Err(Why(Some(host.link.refused(&error)))),
            Ok(()) => {}
        }
        // One each: a command with several has several answers.
        let mut all = Pipeline::new();
        for partition in &missing {
            all.add_command(subscribe(*partition));
        }
        let answers = all.ignore_errors().query_async::<redis::Value>(&mut listening.line).await;
        answers.or(Err(Fault::NotDone))?;
        if !missing.iter().all(|one| host.ear.hears(*one)) {
            self.atlas.doubt();
        }
        Ok(())
    }

    /// Listens to what is not heard yet, renews, and has that made up for which does not fit; the
    /// partitions in which the registry has another number of sessions here than the node.
    async fn round(
        &self,
        host: &Arc<Host>,
        listening: &mut Listening,
        epochs: &mut Epochs,
    ) -> Result<Vec<Partition>, Why> {
        // Before it is renewed: what was sent before is repaired, what comes later is heard.
        let opened = self.open(host, listening);
        host.ear.pulse.carries(self.lease, opened).await.ok_or(Fault::NotDone)??;
        // What is not heard any more is new when it is heard again.
        epochs.retain(|one, _| host.ear.hears(*one));
        let partitions: Vec<Partition> = host.ear.opened().into_iter().collect();
        let mut differing = Vec::new();
        for some in partitions.chunks(RENEWED_AT_ONCE) {
            let before: Vec<u64> = some.iter().map(|one| self.counts.last(*one)).collect();
            let renewed = self.renew(host, &mut listening.line, some).await;
            // A server that is silent, or does nothing: another may do better. If only this connection
            // is lost, or took the end of a channel for an answer, steps go on by the other.
            if matches!(renewed, Err(Fault::NotDone)) {
                host.link.give_up();
            }
            for ((partition, before), renewed) in some.iter().zip(before).zip(renewed?) {
                let Some(Renewed { epoch, count, sessions, lapsed, .. }) = renewed else {
                    continue;
                };
                let is_new = epochs.insert(*partition, epoch.clone()) != Some(epoch);
                let is_in_doubt = is_new || count < before || lapsed;
                host.ear.queue.put(match is_in_doubt || self.counts.is_broken(*partition) {
                    true => Sent::Anew(*partition, count),
                    false => Sent::Due(*partition, count),
                });
                if sessions != self.roll.count(*partition) {
                    differing.push(*partition);
                }
            }
        }
        self.weigh();
        Ok(differing)
    }
}
