//! Limiter: how often one address may fail.
//!
//! Many users may share an address, so what succeeds is not counted. What fails is: a guesser or a
//! broken page should cost little. IPv6 hosts own whole networks of 64 bits, so these count as one.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use kernel::{
    moment::Moment,
    rate::{Bucket, Rate},
};

/// Addresses remembered at once. Beyond it the oldest knowledge is dropped: a flood from so many
/// addresses is not stopped by counting addresses.
const ADDRESSES_MAX: usize = 10_000;

/// Counts failures by address.
#[derive(Debug)]
pub struct Limiter {
    rate: Rate,
    failures: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Limiter {
    /// Lets each address fail at `rate`.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, failures: Mutex::new(HashMap::new()) }
    }

    /// Whether an address may try.
    ///
    /// # Errors
    /// Milliseconds after which it may, if not now.
    pub fn check(&self, address: IpAddr, now: Moment) -> Result<(), u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // A copy: to look is not to take.
        match failures.get(&network(address)).copied() {
            Some(mut bucket) => bucket.take(&self.rate, now),
            None => Ok(()),
        }
    }

    /// Counts a failure.
    pub fn failed(&self, address: IpAddr, now: Moment) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_MAX {
            failures.clear();
        }
        let bucket =
            failures.entry(network(address)).or_insert_with(|| Bucket::full(&self.rate, now));
        // An empty bucket stays empty.
        bucket.take(&self.rate, now).ok();
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests;
