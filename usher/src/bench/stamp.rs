//! Stamp: the `data` of a measured message, by which its recipient can tell what it is.
//!
//! A JSON string of a fixed form: a number, the time at which it was due, and padding up to the
//! size that was asked for. It is written and read by position, since a load that parses JSON
//! measures itself.

use std::{io::Write, time::Duration};

use protocol::position::Position;

/// What precedes it in a message's frame.
const FIELD: &[u8] = b"\"data\":";

/// What precedes a message's place in its stream. Nothing that others chose stands before it.
const POSITION: &[u8] = b"\"position\":\"";

/// Two quotes, eight digits, a dot, sixteen digits, a dot.
pub(super) const BYTES_MIN: usize = 28;

const PADDING: u8 = b'x';

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which of the messages to this recipient it is.
    pub(super) number: u32,
    /// When it should have been sent.
    pub(super) due: Duration,
}

impl Stamp {
    /// Appends it as a JSON string of `size` bytes, and at least [`BYTES_MIN`].
    pub(super) fn write(self, size: usize, out: &mut Vec<u8>) {
        let end = out.len() + size.max(BYTES_MIN);
        let nanos = u64::try_from(self.due.as_nanos()).unwrap_or(u64::MAX);
        write!(out, "\"{:08x}.{nanos:016x}.", self.number).expect("a Vec takes all");
        out.resize(end - 1, PADDING);
        out.push(b'"');
    }

    /// Finds it in a message's frame; `None` unless every byte of it is as it was written.
    pub(super) fn find(frame: &[u8], size: usize) -> Option<Self> {
        let at = frame.windows(FIELD.len()).position(|seven| seven == FIELD)? + FIELD.len();
        let data = frame.get(at..at + size.max(BYTES_MIN))?;
        let (head, padding) = data.split_at(BYTES_MIN - 1);
        let padding = padding.strip_suffix(b"\"")?;
        let form = head[0] == b'"' && head[9] == b'.' && head[26] == b'.';
        if !form || padding.iter().any(|byte| *byte != PADDING) {
            return None;
        }
        let number = u32::try_from(digits(&head[1..9])?).ok()?;
        Some(Self { number, due: Duration::from_nanos(digits(&head[10..26])?) })
    }
}

/// The position in a message's frame.
pub(super) fn position(frame: &[u8]) -> Option<Position> {
    let at = frame.windows(POSITION.len()).position(|part| part == POSITION)? + POSITION.len();
    let text = frame[at..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn digits(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

#[cfg(test)]
mod tests;
