//! Position: a place in a user's stream.
//!
//! An epoch and a number. Within an epoch numbers only grow; when the past of a stream was lost a
//! greater epoch begins, so that a position of the lost past is recognised as such. To a session
//! the text is opaque: it returns the last one as it came.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit::POSITION_BYTES_MAX;

/// A place in a user's stream: after the message that carries it. Positions are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Which life of the stream.
    pub epoch: u64,
    /// The number of a message in it; 0 before the first.
    pub seq: u64,
}

/// The text is no position of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a position that Usher gave out")
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = Malformed;

    /// Parses what `Display` writes, and nothing else: no signs, no leading zeros.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() > POSITION_BYTES_MAX {
            return Err(Malformed);
        }
        let (epoch, seq) = text.split_once('.').ok_or(Malformed)?;
        Ok(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

fn number(digits: &str) -> Result<u64, Malformed> {
    let canonical = digits == "0" || !digits.starts_with('0');
    let plain = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical || !plain {
        return Err(Malformed);
    }
    u64::from_str_radix(digits, 16).or(Err(Malformed))
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A position as a session has it: text that it gives back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark(Arc<str>);

impl Mark {
    /// Takes 1 to [`POSITION_BYTES_MAX`] of [A-Za-z0-9._~-], which fit any place that a position is
    /// given back in.
    ///
    /// # Errors
    /// [`Malformed`] if it is anything else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        match (1..=POSITION_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err(Malformed),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
