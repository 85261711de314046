//! Host: one server of Redis, and how it stands between this node and it.
//!
//! Each has a way to it of its own and is listened to on its own, so that one that is lost takes
//! nothing from the others but its partitions.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use tokio::sync::Semaphore;

use super::{ear::Ear, link::Link, options::Refused};

/// How many looks in a row must find room before a server that was full counts as having some. What
/// ends by itself makes room for a moment, again and again.
const ROOM_PROVEN: u32 = 4;

/// Steps of this node that a server is asked for at once. It answers nobody before it has done what all
/// nodes have asked for by then: with ten of them that is a tenth of a second.
const STEPS_AT_ONCE: usize = 128;

/// One server.
pub(super) struct Host {
    pub(super) link: Link,
    pub(super) ear: Arc<Ear>,
    /// Steps that it may be asked for besides.
    pub(super) steps: Arc<Semaphore>,
    /// Whether it answers, what it sends arrives, and what was lost of it has been made up for.
    up: AtomicBool,
    /// What stands against it, if it was asked again since it was lost.
    why: Mutex<Option<String>>,
    /// How many looks more it counts as full.
    full: AtomicU32,
}

impl Host {
    pub(super) fn new(link: Link) -> Self {
        let (up, why, full) = (AtomicBool::new(false), Mutex::default(), AtomicU32::new(0));
        let steps = Arc::new(Semaphore::new(STEPS_AT_ONCE));
        Self { link, ear: Arc::new(Ear::new()), steps, up, why, full }
    }

    /// It is there, and all of it was made up for.
    pub(super) fn rise(&self) {
        self.up.store(true, Ordering::Release);
    }

    /// It is not, or not any more.
    pub(super) fn fall(&self, why: Option<String>) {
        self.up.store(false, Ordering::Release);
        self.note_why(why);
    }

    /// What stands against it, or a part of it.
    pub(super) fn note_why(&self, why: Option<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Notes whether it had room. Tells whether that is news.
    pub(super) fn note_room(&self, has_room: bool) -> bool {
        let was = self.full.load(Ordering::Acquire);
        let is = if has_room { was.saturating_sub(1) } else { ROOM_PROVEN };
        self.full.store(is, Ordering::Release);
        (was > 0) != (is > 0)
    }

    /// What it says to more, if it has had no room of late.
    pub(super) fn full(&self) -> Option<Refused> {
        let at = || self.link.door().to_string();
        (self.full.load(Ordering::Acquire) > 0).then(|| Refused::Full { at: at() })
    }

    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
