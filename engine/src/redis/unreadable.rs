//! Unreadable: where something is kept that this node cannot read.
//!
//! Another version may have written it, or somebody's hand. It is of one user mostly, so all others
//! are served as before; and whoever runs the node should hear of it, but not each time it is met.

use std::{
    collections::BTreeSet,
    mem::take,
    sync::{Mutex, PoisonError},
};

use super::{Redis, link::Fault};

/// Keys that are known. Of more nobody is told: what is wrong then shows by these.
const KNOWN_MAX: usize = 1024;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Unreadable(Mutex<Keys>);

#[derive(Debug, Default)]
struct Keys {
    known: BTreeSet<String>,
    /// Those of them that nobody was told of yet.
    new: Vec<String>,
}

impl Unreadable {
    pub(super) fn note(&self, key: String) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.known.len() < KNOWN_MAX && keys.known.insert(key.clone()) {
            keys.new.push(key);
        }
    }

    /// Those since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).new)
    }
}

impl Redis {
    /// What was read of a key; if it cannot be read that is noted.
    pub(super) fn legible<T>(&self, key: &str, read: Result<T, Fault>) -> Option<T> {
        read.inspect_err(|_| self.unreadable.note(key.to_owned())).ok()
    }
}
