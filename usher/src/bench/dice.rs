//! Dice: which one is next. The same in every run, so that two runs do the same.

/// A source of numbers that look random (xorshift, by G. Marsaglia).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// One that begins where all begin.
    pub(super) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// A number from 0 to below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0 % bound).unwrap_or_default()
    }

    /// All numbers below `count`, one after another from any of them on.
    pub(super) fn round(&mut self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let start = self.below(count);
        (0..count).map(move |step| (start + step) % count)
    }
}
