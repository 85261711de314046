//! Ids that Usher makes: tickets, resume tokens, sessions, messages.
//!
//! All have one form: a prefix that tells what it is, two hexadecimal digits of the partition, so
//! that any node knows where to look, and 128 random bits as 22 characters of [0-9A-Za-z].
//! Randomness is handed in; a ticket or token is a secret, so its `Debug` and logs show none of it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::partition::Partition;

/// Characters that stand for 128 bits.
const DIGITS: usize = 22;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text has not the form of an id of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("has not the form of such an id")
    }
}

impl std::error::Error for Malformed {}

fn write(
    f: &mut fmt::Formatter<'_>,
    prefix: &str,
    partition: Partition,
    bits: u128,
) -> fmt::Result {
    let mut digits = [b'0'; DIGITS];
    let mut rest = bits;
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(rest % 62).expect("less than 62")];
        rest /= 62;
    }
    let digits = std::str::from_utf8(&digits).expect("the alphabet is ASCII");
    write!(f, "{prefix}{:02x}{digits}", partition.0)
}

fn parse(text: &str, prefix: &str) -> Result<(Partition, u128), Malformed> {
    let rest = text.strip_prefix(prefix).ok_or(Malformed)?.as_bytes();
    if rest.len() != 2 + DIGITS {
        return Err(Malformed);
    }
    let (partition, digits) = rest.split_at(2);
    let partition = partition.iter().try_fold(0_u8, |sum, byte| match byte {
        b'0'..=b'9' => Ok(sum << 4 | (byte - b'0')),
        b'a'..=b'f' => Ok(sum << 4 | (byte - b'a' + 10)),
        _ => Err(Malformed),
    })?;
    let bits = digits.iter().try_fold(0_u128, |sum, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return Err(Malformed),
        };
        sum.checked_mul(62).and_then(|sum| sum.checked_add(u128::from(digit))).ok_or(Malformed)
    })?;
    Ok((Partition(partition), bits))
}

macro_rules! id {
    ($(#[$doc:meta])* $Name:ident, $prefix:literal, $debug:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name {
            bits: [u8; 16],
            partition: Partition,
        }

        impl $Name {
            /// What the text of every such id begins with.
            pub const PREFIX: &str = $prefix;

            /// The id of `partition` with these random bits.
            #[must_use]
            pub const fn new(partition: Partition, bits: u128) -> Self {
                Self { bits: bits.to_le_bytes(), partition }
            }

            /// Parses the text form.
            ///
            /// # Errors
            /// [`Malformed`] if it is not the prefix, two hexadecimal digits and 22 of [0-9A-Za-z]
            /// that stand for at most 128 bits.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                parse(text, $prefix).map(|(partition, bits)| Self::new(partition, bits))
            }

            /// Where what belongs to this id is kept.
            #[must_use]
            pub fn partition(&self) -> Partition {
                self.partition
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(f, $prefix, self.partition, u128::from_le_bytes(self.bits))
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let debug: fn(&Self, &mut fmt::Formatter<'_>) -> fmt::Result = $debug;
                debug(self, f)
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(|_| {
                    serde::de::Error::custom(concat!("must be an id that begins with ", $prefix))
                })
            }
        }
    };
}

id! {
    /// Short-lived single-use leave to open one session. A secret.
    Ticket, "t_", |_, f| f.write_str("t_…")
}
id! {
    /// Leave to take a session up again, good for one use. A secret.
    ResumeToken, "r_", |_, f| f.write_str("r_…")
}
id! {
    /// One admitted session, over all its sockets.
    SessionId, "s_", |id, f| fmt::Display::fmt(id, f)
}
id! {
    /// One message. A recipient drops a second message with the same id.
    MessageId, "m_", |id, f| fmt::Display::fmt(id, f)
}

#[cfg(test)]
mod tests;
