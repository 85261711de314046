//! Host: one server of Redis, and how it stands between this node and it.
//!
//! Each has a way to it of its own and is listened to on its own, so that one that is lost takes
//! nothing from the others but its partitions.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{ear::Ear, link::Link};

/// One server.
pub(super) struct Host {
    pub(super) link: Link,
    pub(super) ear: Arc<Ear>,
    /// Whether it answers, what it sends arrives, and what was lost of it has been made up for.
    up: AtomicBool,
    /// What stands against it, if it was asked again since it was lost.
    why: Mutex<Option<String>>,
}

impl Host {
    pub(super) fn new(link: Link) -> Self {
        let (up, why) = (AtomicBool::new(false), Mutex::default());
        Self { link, ear: Arc::new(Ear::new()), up, why }
    }

    /// It is there, and all of it was made up for.
    pub(super) fn rise(&self) {
        self.up.store(true, Ordering::Release);
    }

    /// It is not, or not any more.
    pub(super) fn fall(&self, why: Option<String>) {
        self.up.store(false, Ordering::Release);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
