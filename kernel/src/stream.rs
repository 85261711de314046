//! Stream: a user's recent messages, in order.
//!
//! Numbers start at 1 and are never used twice within an epoch. The stream is bounded by count,
//! bytes and age; what falls off is remembered as one number (the floor), so that who was away too
//! long is told of a gap. A gap may say too much, never too little.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use protocol::{
    frame::{Gap, GapReason},
    limit,
    position::Position,
    time::Timestamp,
};

use crate::message::Message;

/// How much a stream keeps.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Bytes of their data.
    pub bytes: usize,
    /// Age.
    pub age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            messages: limit::STREAM_MESSAGES_MAX,
            bytes: limit::STREAM_BYTES_MAX,
            age: limit::RESUME_WINDOW + limit::STREAM_MARGIN,
        }
    }
}

/// A user's recent messages.
#[derive(Debug)]
pub struct Stream {
    epoch: u64,
    last: u64,
    /// The number of the last message that is not kept any more.
    floor: u64,
    floor_reason: GapReason,
    bytes: usize,
    messages: VecDeque<Arc<Message>>,
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What is missing before the messages.
    pub gap: Option<Gap>,
    /// Messages, in order.
    pub messages: Vec<Arc<Message>>,
    /// Up to where this page tells everything.
    pub until: Position,
    /// Whether the stream goes on after `until`.
    pub more: bool,
}

impl Stream {
    /// An empty stream. Its epoch must be greater than that of any earlier stream of the user.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self {
            epoch,
            last: 0,
            floor: 0,
            floor_reason: GapReason::Expired,
            bytes: 0,
            messages: VecDeque::new(),
        }
    }

    /// The place after the last message.
    #[must_use]
    pub fn head(&self) -> Position {
        self.at(self.last)
    }

    /// Whether no message is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn at(&self, seq: u64) -> Position {
        Position { epoch: self.epoch, seq }
    }

    /// The position that the next message takes.
    #[must_use]
    pub fn next(&self) -> Position {
        self.at(self.last + 1)
    }

    /// Keeps a message that carries [`Stream::next`], and drops what the bounds say.
    ///
    /// # Panics
    /// If it carries another position: a number would be lost or used twice.
    pub fn append(&mut self, message: Arc<Message>, bounds: &Bounds, now: Timestamp) {
        assert_eq!(message.position, Some(self.next()), "messages are numbered in order");
        self.last += 1;
        self.bytes += message.data.len();
        self.messages.push_back(message);
        self.expire(bounds, now);
        while self.messages.len() > bounds.messages || self.bytes > bounds.bytes {
            self.drop_first(GapReason::Overflow);
        }
    }

    /// Drops what is too old.
    pub fn expire(&mut self, bounds: &Bounds, now: Timestamp) {
        while self.messages.front().is_some_and(|m| m.at.after(bounds.age) <= now) {
            self.drop_first(GapReason::Expired);
        }
        if self.messages.is_empty() {
            self.messages.shrink_to_fit();
        }
    }

    fn drop_first(&mut self, reason: GapReason) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.data.len();
            self.floor += 1;
            self.floor_reason = reason;
        }
    }

    /// Reads on from `after`: at most `messages` and about `bytes`, one message at least.
    #[must_use]
    pub fn read(&self, after: Position, messages: usize, bytes: usize, now: Timestamp) -> Page {
        let gap = self.gap(after);
        let start = gap.as_ref().map_or(after.seq, |gap| gap.until.seq);
        let skip = usize::try_from(start - self.floor).unwrap_or(usize::MAX);
        let (mut page, mut page_bytes, mut until) = (Vec::new(), 0, start);
        for message in self.messages.iter().skip(skip) {
            if !page.is_empty() && (page.len() >= messages || page_bytes >= bytes) {
                break;
            }
            until += 1;
            if !message.expired(now) {
                page_bytes += message.data.len();
                page.push(Arc::clone(message));
            }
        }
        Page { gap, messages: page, until: self.at(until), more: until < self.last }
    }

    fn gap(&self, after: Position) -> Option<Gap> {
        let reason = if after.epoch != self.epoch || after.seq > self.last {
            GapReason::Epoch
        } else if after.seq < self.floor {
            self.floor_reason
        } else {
            return None;
        };
        Some(Gap { after, until: self.at(self.floor), reason })
    }
}

#[cfg(test)]
mod tests;
