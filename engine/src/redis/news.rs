//! News: what happens at nodes, for those of them that somebody watches.
//!
//! All tell it at one place, and only while somebody listens there: a node that wants to hear says
//! so for a while at a time, and each node learns of it when it reports. Whoever listens does so by
//! a line of its own, since a flood of news must not hold up envelopes. News may get lost; what is
//! told says after what it comes, so that whoever hears it knows.
//!
//! Not here: what of it is missing, and who is told so.

use std::{sync::Arc, time::Duration};

use kernel::message::NodeRef;
use protocol::{event::What, time::Timestamp};
use redis::{Cmd, PushInfo, PushKind, Value};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Redis,
    kept::{read, write},
    keys::HOME,
    link::Fault,
    script,
};
use crate::fleet::Told;

/// Of what was heard, how much may wait until it is taken.
const WAITING_MAX: usize = 128;

/// How often a node says that it listens, and looks whether it hears.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// Between two tries to listen.
const PAUSE: Duration = Duration::from_millis(500);

/// Where what is heard is put.
type Ear = mpsc::Sender<Told>;

/// What of the news concerns this node.
#[derive(Debug)]
pub(super) struct News {
    ear: watch::Sender<Option<Ear>>,
    wanted: watch::Sender<bool>,
}

impl News {
    pub(super) fn new() -> Self {
        Self { ear: watch::Sender::new(None), wanted: watch::Sender::new(false) }
    }

    /// Notes whether another node listens.
    pub(super) fn note_wanted(&self, wanted: bool) {
        self.wanted.send_if_modified(|was| std::mem::replace(was, wanted) != wanted);
    }

    /// Whether another node listens.
    pub(super) fn wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    /// Listens until what it returns is dropped.
    pub(super) fn hear(&self) -> mpsc::Receiver<Told> {
        let (ear, heard) = mpsc::channel(WAITING_MAX);
        self.ear.send_replace(Some(ear));
        heard
    }
}

impl Redis {
    /// Listens whenever that is wanted.
    pub(super) async fn hear_all(&self) {
        let mut ears = self.news.ear.subscribe();
        loop {
            let Ok(ear) = ears.wait_for(Option::is_some).await.map(|ear| ear.clone()) else {
                return;
            };
            let Some(ear) = ear else { continue };
            tokio::select! {
                () = ear.closed() => {
                    // Another may have come in its place.
                    self.news.ear.send_if_modified(|ear| {
                        ear.take_if(|ear| ear.is_closed()).is_some()
                    });
                    let mut forget = Cmd::new();
                    forget.arg("ZREM").arg(self.keys.listeners()).arg(self.me.to_string());
                    // Else it is forgotten in a while.
                    self.ask::<u32>(HOME, &forget).await.ok();
                }
                _ = self.listen_by(&ear) => sleep(PAUSE).await,
            }
        }
    }

    /// Listens until nothing more is heard.
    async fn listen_by(&self, ear: &Ear) -> Result<(), Fault> {
        let lost = Arc::new(Notify::new());
        let hears = hearing(Arc::clone(&self.me), ear.clone(), Arc::clone(&lost));
        let home = self.atlas.host(HOME).ok_or(Fault::NotDone)?;
        let mut line = home.link.listen(hears).await?;
        let news = self.keys.news();
        let subscribed = redis::cmd("SUBSCRIBE").arg(news).exec_async(&mut line).await;
        subscribed.or(Err(Fault::NotDone))?;
        let (me, ttl) = (self.me.to_string(), self.lease.as_millis().to_string());
        let mut signs = interval(SIGN_EVERY);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = signs.tick() => {}
                () = lost.notified() => return Err(Fault::NotDone),
            }
            // A line that is half open does not say so.
            let answer = redis::cmd("PING").exec_async(&mut line).await;
            answer.or(Err(Fault::NotDone))?;
            // If it is not said now, it is in time when it is said again.
            let (keys, words) = ([self.keys.listeners()], [&*me, &*ttl]);
            self.run::<()>(HOME, &script::LISTEN, &keys, &words).await.ok();
        }
    }
}

/// What hears for `me`. What nobody takes in time is left out.
fn hearing(
    me: Arc<NodeRef>,
    ear: Ear,
    lost: Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |PushInfo { kind, data }| {
        match kind {
            PushKind::Message => {
                let Some(Value::BulkString(text)) = data.into_iter().nth(1) else { return Ok(()) };
                // Whoever can publish here can do worse; what cannot be read is not ours.
                let told = str::from_utf8(&text).ok().and_then(|text| told(text).ok());
                let by_other =
                    |told: &Told| *told.node != *me.id || told.generation != me.generation;
                if let Some(told) = told.filter(by_other) {
                    ear.try_send(told).ok();
                }
            }
            PushKind::Disconnection | PushKind::Unsubscribe => lost.notify_one(),
            _ => {}
        }
        Ok(())
    }
}

/// How it is written.
type Line = (Arc<str>, u64, u64, u64, Vec<(u64, Timestamp, What)>);

/// What a node tells, as text.
pub(super) fn text(told: &Told) -> String {
    let Told { node, generation, after, until, events } = told;
    write(&(node, generation, after, until, events))
}

fn told(text: &str) -> Result<Told, Fault> {
    let (node, generation, after, until, events) = read::<Line>(text)?;
    Ok(Told { node, generation, after, until, events })
}
