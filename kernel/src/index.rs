//! Index: finds a place by something that is kept there, at eight bytes each.
//!
//! A map would keep the name, the id or the token a second time, for each session. What is kept
//! here is the place alone and a part of the hash; whether it is the right one is seen at the place.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;

/// Places by what is kept at them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hasher: RandomState,
    table: HashTable<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    place: u32,
}

/// The table looks at the highest and the lowest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash) << 32
}

impl Index {
    /// The place at which `key` is kept, as `is_there` says.
    pub(crate) fn find(&self, key: &impl Hash, is_there: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let found = |entry: &Entry| entry.hash == hash && is_there(entry.place);
        self.table.find(spread(hash), found).map(|entry| entry.place)
    }

    /// Notes that `key` is kept at `place`.
    pub(crate) fn insert(&mut self, key: &impl Hash, place: u32) {
        let hash = self.hash(key);
        self.table.insert_unique(spread(hash), Entry { hash, place }, |entry| spread(entry.hash));
    }

    /// Notes that `key` is not kept at `place` any more.
    pub(crate) fn remove(&mut self, key: &impl Hash, place: u32) {
        let hash = self.hash(key);
        let meant = |entry: &Entry| entry.hash == hash && entry.place == place;
        if let Ok(entry) = self.table.find_entry(spread(hash), meant) {
            entry.remove();
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    fn hash(&self, key: &impl Hash) -> u32 {
        u32::try_from(self.hasher.hash_one(key) >> 32).expect("the upper half of 64 bits")
    }
}

#[cfg(test)]
mod tests;
