//! Number: which event of which node, `<node>.<generation>.<n>`, the generation in hexadecimal.
//!
//! A watcher that comes back says the last one that it has. A node that was started again numbers
//! from 1 in another generation, so that its numbers are not taken for the old ones.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limit::NAME_BYTES_MAX;

/// The number of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Of which node.
    pub node: Arc<str>,
    /// Of which start of that node.
    pub generation: u64,
    /// Which in that time, from 1; 0 is before the first.
    pub n: u64,
}

/// The text is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be the id of an event, <node>.<generation>.<n>")
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:x}.{}", self.node, self.generation, self.n)
    }
}

impl FromStr for Number {
    type Err = Malformed;

    /// Parses from the end, since a node's name may have dots.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.rsplitn(3, '.');
        let (n, generation, node) = (parts.next(), parts.next(), parts.next());
        let number = |digits: Option<&str>, radix| {
            let is_digit = |b: u8| char::from(b).is_digit(radix) && !b.is_ascii_uppercase();
            let digits = digits.filter(|digits| digits.bytes().all(is_digit));
            digits.and_then(|digits| u64::from_str_radix(digits, radix).ok()).ok_or(Malformed)
        };
        let node = node.filter(|node| !node.is_empty() && node.len() <= NAME_BYTES_MAX);
        let node = node.filter(|node| !node.contains(char::is_control)).ok_or(Malformed)?;
        Ok(Self { node: node.into(), generation: number(generation, 16)?, n: number(n, 10)? })
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
