//! Turns: calls under way, by their idempotency keys.
//!
//! Who did not wait for an answer and calls again is told that the first call goes on, rather than
//! made to do the same beside it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// A caller's name and the key.
type Name = (Arc<str>, Box<str>);

/// Calls under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashSet<Name>>>);

/// One call's turn, as long as it is held.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    name: Name,
}

impl Turns {
    /// The turn of a call, unless one with the same key is under way.
    pub(crate) fn take(&self, caller: &Arc<str>, key: &str) -> Option<Turn> {
        let name = (Arc::clone(caller), key.into());
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = under_way.insert(name.clone());
        is_new.then(|| Turn { turns: self.clone(), name })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests;
