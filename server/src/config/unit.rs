//! Unit: durations and sizes as people write them, `"1m30s"` and `"64KiB"`.
//!
//! Inside, a duration is a number of milliseconds and a size a number of bytes, so that all
//! numbers share one range check.

/// Milliseconds.
pub(super) const SECOND: u64 = 1000;
/// Milliseconds.
pub(super) const MINUTE: u64 = 60 * SECOND;
/// Milliseconds.
pub(super) const HOUR: u64 = 60 * MINUTE;
/// Milliseconds.
pub(super) const DAY: u64 = 24 * HOUR;
/// Bytes.
pub(super) const KIB: u64 = 1024;
/// Bytes.
pub(super) const MIB: u64 = 1024 * KIB;

/// From the longest, the order in which they may stand.
const DURATIONS: [(&str, u64); 5] =
    [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];

/// From the largest.
const SIZES: [(&str, u64); 4] = [("GiB", 1024 * MIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds, written as a duration.
    Millis,
    /// Bytes, written as a size.
    Bytes,
    /// Things, written as a plain number.
    Count,
}

impl Unit {
    /// What to write, for people.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Millis => "a duration such as \"30s\"",
            Self::Bytes => "a size such as \"64KiB\"",
            Self::Count => "a whole number",
        }
    }

    /// The number that a text stands for.
    pub(super) fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Millis => duration(text),
            Self::Bytes => size(text).or_else(|| whole(text)),
            Self::Count => whole(text),
        }
    }

    /// The shortest text for a number; `parse` reads it back.
    pub(super) fn format(self, number: u64) -> String {
        match self {
            Self::Millis if number == 0 => "0s".to_owned(),
            Self::Millis => {
                let (mut text, mut rest) = (String::new(), number);
                for (name, millis) in DURATIONS {
                    if rest >= millis {
                        text += &format!("{}{name}", rest / millis);
                        rest %= millis;
                    }
                }
                text
            }
            Self::Bytes => {
                let fits =
                    |(_, bytes): &&(&str, u64)| number >= *bytes && number.is_multiple_of(*bytes);
                let (name, bytes) = SIZES.iter().find(fits).unwrap_or(&("B", 1));
                format!("{}{name}", number / bytes)
            }
            Self::Count => number.to_string(),
        }
    }
}

fn duration(text: &str) -> Option<u64> {
    // The search for a unit goes on behind the last one, so that each stands once and in order.
    let (mut rest, mut millis, mut units) = (text, 0_u64, DURATIONS.iter());
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) =
            tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let (_, each) = units.find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(whole(number)?.checked_mul(*each)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(millis)
}

fn size(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, each) = SIZES.iter().find(|(name, _)| *name == unit)?;
    whole(number)?.checked_mul(*each)
}

/// Digits only: `+1` is a slip.
fn whole(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
