//! Ledger: what each recipient has to get, and what it got.
//!
//! The messages to one recipient are numbered from zero, in the order in which they are accepted.
//! So whatever comes is either the next one, or wrong: one that is there twice, or too early.

use std::fmt;

use crate::failure::Failure;

/// What was sent to whom, and came.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: Vec<Row>,
    under_way: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Row {
    sent: u32,
    came: u32,
}

/// Something came that should not have come then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    recipient: usize,
    number: u32,
    row: (u32, u32),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recipient, number, row: (sent, came) } = self;
        write!(f, "session {recipient} got message {number}, ")?;
        if number >= sent {
            write!(f, "which was never sent to it")
        } else if number < came {
            write!(f, "which it had got before")
        } else {
            write!(f, "but not {came} before it")
        }
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        Self::failed(format!("delivery is wrong: {wrong}"))
    }
}

impl Ledger {
    /// An empty one for so many recipients.
    pub(super) fn new(recipients: usize) -> Self {
        Self { rows: vec![Row::default(); recipients], under_way: 0 }
    }

    /// Notes that a recipient is sent one more; its number.
    pub(super) fn sent(&mut self, recipient: usize) -> u32 {
        let row = &mut self.rows[recipient];
        row.sent += 1;
        self.under_way += 1;
        row.sent - 1
    }

    /// Notes that a message came.
    pub(super) fn came(&mut self, recipient: usize, number: u32) -> Result<(), Wrong> {
        let row = &mut self.rows[recipient];
        if number != row.came || row.came == row.sent {
            return Err(Wrong { recipient, number, row: (row.sent, row.came) });
        }
        row.came += 1;
        self.under_way -= 1;
        Ok(())
    }

    /// How many are still to come.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way
    }

    /// Whether this recipient has all that it was sent.
    pub(super) fn is_even(&self, recipient: usize) -> bool {
        self.missing(recipient) == 0
    }

    /// How many a recipient was sent and did not get yet.
    pub(super) fn missing(&self, recipient: usize) -> u32 {
        let row = self.rows[recipient];
        row.sent - row.came
    }

    /// Whether nothing is missing.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        let missing = |row: &Row| row.sent > row.came;
        let Some((first, row)) = self.rows.iter().enumerate().find(|(_, row)| missing(row)) else {
            return Ok(());
        };
        let recipients = self.rows.iter().filter(|row| missing(row)).count();
        Err(Failure::failed(format!(
            "{} deliveries to {recipients} sessions are missing; session {first} got {} of {}",
            self.under_way, row.came, row.sent
        )))
    }
}

#[cfg(test)]
mod tests;
