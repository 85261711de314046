//! News: what happens here, told to nodes that listen; and what happens at others, while somebody
//! watches it here.
//!
//! The journal is what waits: it is read by whoever tells as by any watcher, so nothing that
//! happens costs more, and a node that cannot tell for a while needs no memory. Then it tells what
//! it still has, and its places say that something is missing.

use std::{sync::Arc, time::Duration};

use engine::{contract::Failed, fleet::Told};
use protocol::{limit, time::Timestamp};
use tokio::{
    sync::{Mutex, Notify},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::Node;
use crate::{clock::Clock, journal::PACE};

/// How often a node that is listened to tells how far it is, be it silent or not. So what got lost
/// shows soon.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// How much of what happened before a node learned that others listen is told all the same. It
/// learns so within a report or two, and tells of its own start.
const BEFORE: Duration = Duration::from_secs(3);

/// How long a node listens on after its last watcher, which may come back.
const AFTER: Duration = Duration::from_secs(30);

/// What is known of telling and hearing.
#[derive(Debug, Default)]
pub(super) struct News {
    /// How far others were told, while they listen.
    told: Mutex<Option<Mark>>,
    /// Somebody came to watch.
    watched: Notify,
}

/// Places in the journal.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// What happened until then was told.
    told: u64,
    /// There was nothing more to tell until then.
    looked: u64,
}

impl Node {
    /// Somebody is about to watch.
    pub(crate) fn listen(&self) {
        self.news.watched.notify_one();
    }

    /// Tells others what happens here, whenever they listen.
    pub(crate) async fn tell_others(self: Arc<Self>) {
        let mut wanted = self.fleet.wanted();
        while wanted.wait_for(|wanted| *wanted).await.is_ok() {
            let before = u64::try_from(BEFORE.as_millis()).expect("a short time");
            let since = Timestamp(Clock::timestamp().0.saturating_sub(before));
            let place = self.journal.place_before(since);
            *self.news.told.lock().await = Some(Mark { told: place, looked: place });
            let mut signs = interval(SIGN_EVERY);
            signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                // Made before the look, so that what is added after it wakes.
                let news = self.journal.news();
                let told = self.tell_rest().await;
                tokio::select! {
                    () = news, if told.is_ok() => sleep(PACE).await,
                    _ = signs.tick() => self.tell_place().await,
                    () = async { wanted.wait_for(|wanted| !*wanted).await.map(drop).ok(); } => break,
                }
            }
            *self.news.told.lock().await = None;
        }
    }

    /// Tells what was not told yet, if anybody listens. What may have been told is told again.
    ///
    /// # Errors
    /// If the engine could not.
    pub(super) async fn tell_rest(&self) -> Result<(), Failed> {
        let mut mark = self.news.told.lock().await;
        let Some(mark) = mark.as_mut() else { return Ok(()) };
        loop {
            let mut next = self.journal.told_after(mark.looked);
            if next.until == mark.looked {
                return Ok(());
            }
            if next.after > mark.looked {
                // It went on too fast: something is not there any more, and whoever listens sees so.
                mark.told = next.after;
            }
            next.after = mark.told;
            let until = next.until;
            if !next.events.is_empty() {
                self.fleet.tell(&next).await?;
                mark.told = until;
            }
            mark.looked = until;
        }
    }

    /// Tells how far it is.
    async fn tell_place(&self) {
        let mut mark = self.news.told.lock().await;
        let Some(mark) = mark.as_mut() else { return };
        let (node, generation) = (self.me.id.to_string().into(), self.me.generation);
        let (after, until) = (mark.told, mark.told);
        let sign = Told { node, generation, after, until, events: Vec::new() };
        // The next one says the same and more.
        self.fleet.tell(&sign).await.ok();
    }

    /// Listens to others while somebody watches here.
    pub(crate) async fn hear_others(self: Arc<Self>) {
        loop {
            self.news.watched.notified().await;
            let Some(mut heard) = self.fleet.hear() else { return };
            let mut looks = interval(SIGN_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut watched = Instant::now();
            while watched.elapsed() < AFTER {
                tokio::select! {
                    Some(told) = heard.recv() => self.journal.hear(told),
                    () = self.news.watched.notified() => {}
                    _ = looks.tick() => {}
                }
                if self.watchers.available_permits() < limit::EVENT_WATCHERS_MAX {
                    watched = Instant::now();
                }
            }
        }
    }
}
