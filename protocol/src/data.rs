//! Data: what the app says in a message, passed on byte for byte.
//!
//! Any JSON value. It is checked once, when it comes in, and from then on only copied: numbers
//! keep their digits, objects their order and duplicate keys. Depth is bounded because recipients
//! parse it with parsers that have a stack.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::limit::{DATA_BYTES_MAX, DATA_DEPTH_MAX};

/// One JSON value as it came, without white space around it.
#[derive(Clone, PartialEq, Eq)]
pub struct Data(Bytes);

/// Why a value is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It has more than [`DATA_BYTES_MAX`] bytes.
    TooLong,
    /// Arrays and objects nest deeper than [`DATA_DEPTH_MAX`].
    TooDeep,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "must have at most 64 KiB",
            Self::TooDeep => "must nest at most 32 levels deep",
        })
    }
}

impl Data {
    /// Takes a value that a parser has found to be JSON.
    ///
    /// # Errors
    /// If it is longer or deeper than the limits.
    pub fn new(raw: &RawValue) -> Result<Self, Invalid> {
        let text = raw.get();
        if text.len() > DATA_BYTES_MAX {
            return Err(Invalid::TooLong);
        }
        if depth(text.as_bytes()) > DATA_DEPTH_MAX {
            return Err(Invalid::TooDeep);
        }
        Ok(Self(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The JSON text.
    ///
    /// # Panics
    /// Never: it came as a `str`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("data is made of a str only")
    }

    /// How many bytes the JSON text has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes. Never so: no JSON value is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How deep arrays and objects nest in valid JSON.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !in_string => now -= 1,
            _ => {}
        }
    }
    most
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.0.len())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.as_str()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::new(&raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
