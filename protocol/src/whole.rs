//! Whole: whole numbers as JSON spells them.
//!
//! JSON has one kind of number, and `3.0` is another spelling of `3` (JSON Schema Validation, section
//! 6.1.1). Some languages write every number like that, so both are read as the same.

use std::fmt;

use serde::{Deserializer, de};

/// The whole number that is meant, if it is one that is not negative.
pub(crate) fn of(number: f64) -> Option<u64> {
    /// Up to here each whole number has a spelling of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it has no fraction, and is neither negative nor large"
    )]
    is_whole.then_some(number as u64)
}

/// Reads a whole number that is not negative.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Visitor;

    impl de::Visitor<'_> for Visitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
            of(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
        }
    }

    deserializer.deserialize_u64(Visitor)
}
