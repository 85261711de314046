//! Keys: what became of a message that may be sent again, so that it is not accepted twice.
//!
//! A key belongs to whoever sends and to one recipient, or to everyone. With it is kept what was accepted, and a
//! fingerprint of what was asked for, so that another message under the same key is noticed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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

    pub(super) fn scope(&self) -> &KeyScope {
        &self.scope
    }
}

#[derive(Debug)]
struct Kept {
    fingerprint: u128,
    receipt: Receipt,
}

/// When a key is forgotten, and which of those that are forgotten then it is.
type Turn = (Timestamp, u64);

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
///
/// Users' sessions send as fast as they may, so each user has room for the latest keys only, and all
/// of them together for half of what there is.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kept: HashMap<Arc<Name>, Kept>,
    turns: BTreeMap<Turn, Arc<Name>>,
    /// Those of each user's sessions.
    sent: HashMap<UserId, BTreeSet<Turn>>,
    /// How many those are together.
    sent_count: usize,
    last: u64,
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.kept.len().max(self.turns.len()).max(self.sent_count)
    }

    /// Whether there is no room for one more of this scope, of `most` in all.
    pub(super) fn are_full(&self, scope: &KeyScope, most: usize) -> bool {
        let is_full = self.kept.len() >= most;
        match scope {
            // Its oldest makes room.
            KeyScope::User(user) if self.sent_by(user) >= limit::KEYS_PER_SENDER_MAX => false,
            KeyScope::User(_) => is_full || self.sent_count >= most.div_ceil(2),
            KeyScope::Backend(_) | KeyScope::Many(_) => is_full,
        }
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
        self.last += 1;
        let turn = (now.after(limit::KEY_MEMORY), self.last);
        if let KeyScope::User(user) = &name.scope {
            if self.sent_by(user) >= limit::KEYS_PER_SENDER_MAX
                && let Some(first) = self.sent[user].first()
            {
                self.remove(*first);
            }
            self.sent.entry(user.clone()).or_default().insert(turn);
            self.sent_count += 1;
        }
        let name = Arc::new(name);
        self.turns.insert(turn, Arc::clone(&name));
        self.kept.insert(name, Kept { fingerprint, receipt });
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        while let Some((turn, _)) = self.turns.first_key_value()
            && turn.0 <= now
        {
            self.remove(*turn);
        }
    }

    fn sent_by(&self, user: &UserId) -> usize {
        self.sent.get(user).map_or(0, BTreeSet::len)
    }

    fn remove(&mut self, turn: Turn) {
        let Some(name) = self.turns.remove(&turn) else { return };
        self.kept.remove(&name);
        if let KeyScope::User(user) = &name.scope
            && let Some(turns) = self.sent.get_mut(user)
        {
            self.sent_count -= usize::from(turns.remove(&turn));
            if turns.is_empty() {
                self.sent.remove(user);
            }
        }
    }
}
