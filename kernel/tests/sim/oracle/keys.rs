//! Keys: what was accepted under which, and must be told again.

use std::collections::BTreeMap;

use kernel::registry::{Key, KeyScope, NotAppended, Receipt};
use protocol::{limit::KEY_MEMORY, name::UserId, time::Timestamp};

use super::{Oracle, Promise, memory::Memory};
use crate::told::Case;

/// Whose key, and for what.
type Name = (String, String, Option<UserId>, Option<UserId>);

#[derive(Debug)]
pub(super) struct KeyBook {
    most: usize,
    known: BTreeMap<Name, Known>,
    memory: Memory,
    /// Of sessions alone.
    sent: Memory,
}

#[derive(Debug)]
struct Known {
    fingerprint: u128,
    receipt: Receipt,
    until: Timestamp,
}

/// What a key says of a message that is sent under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It is to be accepted.
    Accepted,
    /// It is not accepted by this.
    Over,
}

impl KeyBook {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: BTreeMap::new(), memory: Memory::default(), sent: Memory::default() }
    }

    pub(super) fn bounds(&self, now: Timestamp) -> std::ops::RangeInclusive<usize> {
        self.memory.bounds(now)
    }
}

impl Oracle {
    /// Judges what became of a message by its key.
    pub(super) fn judges_key(
        &mut self,
        key: &Key,
        recipient: Option<&UserId>,
        echo_of: Option<&UserId>,
        outcome: &Result<Receipt, NotAppended>,
    ) -> Said {
        let scope = match &key.scope {
            KeyScope::Backend(name) => format!("backend {name}"),
            KeyScope::Many(name) => format!("many {name}"),
            KeyScope::User(user) => format!("user {user:?}"),
        };
        let name = (scope, key.text.to_string(), recipient.cloned(), echo_of.cloned());
        let (now, latest) = (self.now(), self.latest());
        let known = self.keys.known.get(&name);
        // Whether it is remembered for sure; if not it may still be, or not.
        let surely = known.is_some_and(|known| known.until > latest);
        let same = known.is_some_and(|known| known.fingerprint == key.fingerprint);
        let again = known.map(|known| Receipt { replayed: true, ..known.receipt });
        let by_session = matches!(key.scope, KeyScope::User(_));
        // Sessions have half of the room, so that they leave some to backends.
        let half = self.keys.most.div_ceil(2);
        let is_full = *self.keys.bounds(now).end() >= self.keys.most
            || (by_session && *self.keys.sent.bounds(now).end() >= half);
        let (right, case) = match outcome {
            Err(NotAppended::KeyReused) => (known.is_some() && !same, Some(Case::KeyReused)),
            Err(NotAppended::TooManyKeys) => (!surely && is_full, Some(Case::KeysFull)),
            Ok(receipt) if receipt.replayed => {
                (same && again == Some(*receipt), Some(Case::KeyAgain))
            }
            Ok(_) => (!surely, known.map(|_| Case::KeyForgotten)),
        };
        self.check(Promise::Key, right, || {
            format!("{name:?}: {outcome:?}, {again:?} is known until {:?}", now)
        });
        let (surely_kept, most) = (*self.keys.bounds(latest).start(), self.keys.most);
        self.check(Promise::Bounded, surely_kept <= most, || {
            format!("{surely_kept} keys are kept, and {most} may be")
        });
        case.into_iter().for_each(|case| self.count(case));
        match outcome {
            Ok(receipt) if !receipt.replayed => {
                let (fingerprint, receipt) = (key.fingerprint, *receipt);
                let until = now.after(KEY_MEMORY);
                self.keys.known.insert(name, Known { fingerprint, receipt, until });
                self.keys.memory.keep(until);
                if by_session {
                    self.keys.sent.keep(until);
                }
                Said::Accepted
            }
            Ok(_) | Err(_) => Said::Over,
        }
    }
}
