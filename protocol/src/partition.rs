//! Partition: one of 256 slices of all users.
//!
//! Everything that is kept of a user (sessions, stream, tickets) lives in one partition, so that
//! one atomic step can see it all. The hash is fixed for ever: XXH3-64 of the user's bytes with
//! seed 0, its lowest byte the partition. A shard is chosen from other bits of the same hash, so
//! that the two choices are independent.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::name::UserId;

/// How many partitions there are.
pub const PARTITIONS: usize = 256;

/// One of [`PARTITIONS`] slices of all users.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u8);

impl Partition {
    /// The partition in which all that is kept of `user` lives.
    #[must_use]
    pub fn of(user: &UserId) -> Self {
        Self(xxh3_64(user.as_str().as_bytes()).to_le_bytes()[0])
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({:02x})", self.0)
    }
}

/// Which of `count` slices of one node serves `user`.
///
/// # Panics
/// If `count` is 0.
#[must_use]
pub fn slice_of(user: &UserId, count: usize) -> usize {
    let bits = xxh3_64(user.as_str().as_bytes()) >> 8;
    usize::try_from(bits % count as u64).expect("the rest of a division by a usize is one")
}

/// How much a node suits a user, by name: the nodes in this order, highest first, are the user's
/// order of preference. When a node comes or goes, only the users who prefer it move (rendezvous
/// hashing, Thaler and Ravishankar 1998).
#[must_use]
pub fn preference(user: &UserId, node: &str) -> u64 {
    xxh3_64_with_seed(node.as_bytes(), xxh3_64(user.as_str().as_bytes()))
}

/// How much somebody suits a partition, by name: what any node may do there is done by the one that
/// suits it best, of those that are there, and of several servers that one keeps it.
#[must_use]
pub fn suitability(partition: Partition, name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), u64::from(partition.0))
}

#[cfg(test)]
mod tests;
