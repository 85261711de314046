//! Keys: what became of a message that may be sent again, so that it is not accepted twice.
//!
//! A key belongs to whoever sends and to one recipient, or to everyone. With it is kept what was accepted, and a
//! fingerprint of what was asked for, so that another message under the same key is noticed.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use protocol::{limit, name::UserId, time::Timestamp};

use super::receipt::Receipt;

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// That of a holder of the API key with this name, for one recipient.
    Backend(Box<str>),
    /// The same, for a call to many: its key is another one than that of a call to one of them.
    Many(Box<str>),
    /// That of a user's sessions.
    User(UserId),
}

/// By which the same message sent again is told from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose it is.
    pub scope: KeyScope,
    /// As it was given.
    pub text: Box<str>,
    /// Of all that was asked for under it.
    pub fingerprint: u128,
}

/// Under which a message is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    scope: KeyScope,
    text: Box<str>,
    /// `None` for everyone.
    recipient: Option<UserId>,
    /// The sender's copy is another message than one to the sender.
    echo_of: Option<UserId>,
}

impl Name {
    pub(super) fn new(key: &Key, recipient: Option<&UserId>, echo_of: Option<&UserId>) -> Self {
        Self {
            scope: key.scope.clone(),
            text: key.text.clone(),
            recipient: recipient.cloned(),
            echo_of: echo_of.cloned(),
        }
    }
}

#[derive(Debug)]
struct Kept {
    fingerprint: u128,
    receipt: Receipt,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing yet.
    New,
    /// The same message was accepted before.
    Same(Receipt),
    /// Another message was.
    Other,
}

/// The keys of one partition.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kept: HashMap<Arc<Name>, Kept>,
    until: VecDeque<(Timestamp, Arc<Name>)>,
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.kept.len().max(self.until.len())
    }

    pub(super) fn look(&self, name: &Name, fingerprint: u128) -> Known {
        match self.kept.get(name) {
            None => Known::New,
            Some(kept) if kept.fingerprint == fingerprint => {
                Known::Same(Receipt { replayed: true, ..kept.receipt })
            }
            Some(_) => Known::Other,
        }
    }

    pub(super) fn keep(&mut self, now: Timestamp, name: Name, fingerprint: u128, receipt: Receipt) {
        let name = Arc::new(name);
        self.until.push_back((now.after(limit::KEY_MEMORY), Arc::clone(&name)));
        self.kept.insert(name, Kept { fingerprint, receipt });
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        while self.until.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, name)) = self.until.pop_front() {
                self.kept.remove(&name);
            }
        }
    }
}
