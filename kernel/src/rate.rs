//! Rate: a token bucket of eight bytes.
//!
//! One per session, so it is small: tokens in thousandths, and the low bits of the time they were
//! counted at.

use crate::moment::Moment;

/// How far a look at the clock may be behind that of somebody who took before.
const BEHIND_MS_MAX: u32 = 60_000;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: u32,
    /// Tokens at most.
    pub burst: u32,
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    thousandths: u32,
    counted_at_ms: u32,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(rate: &Rate, now: Moment) -> Self {
        Self { thousandths: rate.burst.saturating_mul(1000), counted_at_ms: low_bits(now) }
    }

    /// Puts a token back that was taken for nothing. No more are kept than a burst.
    pub fn give_back(&mut self) {
        self.thousandths = self.thousandths.saturating_add(1000);
    }

    /// Takes one token.
    ///
    /// # Errors
    /// Milliseconds after which there is one, if there is none now.
    pub fn take(&mut self, rate: &Rate, now: Moment) -> Result<(), u64> {
        let passed_ms = low_bits(now).wrapping_sub(self.counted_at_ms);
        // Threads that share a bucket do not take in the order in which they looked at the clock.
        let passed_ms = if passed_ms.wrapping_neg() <= BEHIND_MS_MAX { 0 } else { passed_ms };
        self.counted_at_ms = self.counted_at_ms.wrapping_add(passed_ms);
        // `per_second` tokens a second are as many thousandths a millisecond.
        self.thousandths = self
            .thousandths
            .saturating_add(passed_ms.saturating_mul(rate.per_second))
            .min(rate.burst.saturating_mul(1000));
        match self.thousandths.checked_sub(1000) {
            Some(rest) => {
                self.thousandths = rest;
                Ok(())
            }
            None => {
                let missing = u64::from(1000 - self.thousandths);
                Err(missing.div_ceil(u64::from(rate.per_second.max(1))))
            }
        }
    }
}

fn low_bits(now: Moment) -> u32 {
    u32::try_from(now.0 & u64::from(u32::MAX)).expect("masked to 32 bits")
}

#[cfg(test)]
mod tests;
