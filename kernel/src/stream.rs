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

/// How far a stream reaches, without its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Its life.
    pub epoch: u64,
    /// The number of the last message; 0 before the first.
    pub last: u64,
    /// The number of the last message that is not kept any more.
    pub floor: u64,
    /// Why that one is not.
    pub floor_reason: GapReason,
}

/// A user's recent messages.
#[derive(Debug)]
pub struct Stream {
    extent: Extent,
    /// Set while there is any: most users have no message of late.
    kept: Option<Box<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
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

impl Extent {
    /// That of an empty stream. Its epoch must be greater than that of any earlier one of the user.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self { epoch, last: 0, floor: 0, floor_reason: GapReason::Expired }
    }

    /// The place after the last message.
    #[must_use]
    pub fn head(&self) -> Position {
        self.at(self.last)
    }

    fn at(&self, seq: u64) -> Position {
        Position { epoch: self.epoch, seq }
    }

    /// The number of the message after which whoever is at `after` reads on.
    #[must_use]
    pub fn start(&self, after: Position) -> u64 {
        self.gap(after).map_or(after.seq, |gap| gap.until.seq)
    }

    /// A page for whoever is at `after`: at most `messages` and about `bytes` of those that are
    /// kept behind [`Extent::start`], one message at least.
    #[must_use]
    pub fn page<'a>(
        &self,
        after: Position,
        kept: impl Iterator<Item = &'a Arc<Message>>,
        messages: usize,
        bytes: usize,
        now: Timestamp,
    ) -> Page {
        let gap = self.gap(after);
        let (mut page, mut page_bytes, mut until) = (Vec::new(), 0, self.start(after));
        for message in kept {
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

impl Stream {
    /// An empty stream. Its epoch must be greater than that of any earlier stream of the user.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self::of(Extent::new(epoch))
    }

    /// One whose messages are kept elsewhere.
    #[must_use]
    pub fn of(extent: Extent) -> Self {
        Self { extent, kept: None }
    }

    /// How far it reaches.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The place after the last message.
    #[must_use]
    pub fn head(&self) -> Position {
        self.extent.head()
    }

    /// Whether no message is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_none()
    }

    /// The position that the next message takes.
    #[must_use]
    pub fn next(&self) -> Position {
        self.extent.at(self.extent.last + 1)
    }

    /// Keeps a message that carries [`Stream::next`], and drops what the bounds say.
    ///
    /// # Panics
    /// If it carries another position: a number would be lost or used twice.
    pub fn append(&mut self, message: Arc<Message>, bounds: &Bounds, now: Timestamp) {
        assert_eq!(message.position, Some(self.next()), "messages are numbered in order");
        self.extent.last += 1;
        let kept = self.kept.get_or_insert_default();
        kept.bytes += message.data.len();
        kept.messages.push_back(message);
        self.expire(bounds, now);
        let is_over =
            |kept: &Kept| kept.messages.len() > bounds.messages || kept.bytes > bounds.bytes;
        while self.kept.as_deref().is_some_and(is_over) {
            self.drop_first(GapReason::Overflow);
        }
    }

    /// Drops what is too old.
    pub fn expire(&mut self, bounds: &Bounds, now: Timestamp) {
        let is_old = |message: &Arc<Message>| message.at.after(bounds.age) <= now;
        while self.messages_from(0).next().is_some_and(is_old) {
            self.drop_first(GapReason::Expired);
        }
    }

    fn messages_from(&self, skip: usize) -> impl Iterator<Item = &Arc<Message>> {
        let kept = self.kept.iter();
        kept.flat_map(move |kept| kept.messages.range(skip.min(kept.messages.len())..))
    }

    fn drop_first(&mut self, reason: GapReason) {
        let Some(kept) = &mut self.kept else { return };
        if let Some(message) = kept.messages.pop_front() {
            kept.bytes -= message.data.len();
            self.extent.floor += 1;
            self.extent.floor_reason = reason;
        }
        if kept.messages.is_empty() {
            self.kept = None;
        }
    }

    /// Reads on from `after`: at most `messages` and about `bytes`, one message at least.
    #[must_use]
    pub fn read(&self, after: Position, messages: usize, bytes: usize, now: Timestamp) -> Page {
        let skip = self.extent.start(after) - self.extent.floor;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.extent.page(after, self.messages_from(skip), messages, bytes, now)
    }
}

#[cfg(test)]
mod tests;
