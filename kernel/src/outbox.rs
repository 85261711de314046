//! Outbox: what one session still has to receive.
//!
//! A socket can be slower than the app, so something must wait; nothing may wait without end, so
//! the queue is bounded by frames and bytes. When it is full, volatile frames go first; if that is
//! not enough the session is parked, and its stream keeps what it misses. A session that keeps up
//! has no outbox at all.

use std::collections::VecDeque;

use bytes::Bytes;
use protocol::limit;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Frames.
    pub frames: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { frames: limit::OUTBOX_FRAMES_MAX, bytes: limit::OUTBOX_BYTES_MAX }
    }
}

/// The session reads too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Volatile frames that went in vain.
    pub dropped: u64,
}

#[derive(Debug)]
struct Waiting {
    frame: Bytes,
    volatile: bool,
}

/// Frames that wait for a socket.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes of the first frame that the socket took already.
    taken: usize,
    /// Whether the socket took a part of the first frame, here or before it came here.
    begun: bool,
}

impl Outbox {
    /// Adds a frame that must not be lost; tells how many volatile ones it displaced.
    ///
    /// # Errors
    /// [`Full`] if it does not fit even without the volatile frames; the frame is not added.
    pub fn push(&mut self, frame: Bytes, bounds: &Bounds) -> Result<u64, Full> {
        let dropped = if self.fits(&frame, bounds) { 0 } else { self.drop_volatile() };
        if !self.fits(&frame, bounds) {
            return Err(Full { dropped });
        }
        self.add(frame, false);
        Ok(dropped)
    }

    /// Adds a frame that may be lost; tells whether it was added.
    pub fn push_volatile(&mut self, frame: Bytes, bounds: &Bounds) -> bool {
        let fits = self.fits(&frame, bounds);
        if fits {
            self.add(frame, true);
        }
        fits
    }

    /// Puts the rest of a frame, of which the socket took the beginning, before what waits.
    pub fn push_rest(&mut self, rest: Bytes) {
        self.bytes += rest.len();
        self.frames.push_front(Waiting { frame: rest, volatile: false });
        self.begun = true;
    }

    /// Puts a frame before what waits. Nothing that waits may be begun.
    pub fn push_first(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_front(Waiting { frame, volatile: false });
    }

    /// A frame larger than all bounds still fits an empty outbox: frames are bounded elsewhere.
    fn fits(&self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.frames.is_empty()
            || (self.frames.len() < bounds.frames && self.bytes + frame.len() <= bounds.bytes)
    }

    fn add(&mut self, frame: Bytes, volatile: bool) {
        self.bytes += frame.len();
        self.frames.push_back(Waiting { frame, volatile });
    }

    /// The first frame stays if the socket took a part of it. Tells how many went.
    fn drop_volatile(&mut self) -> u64 {
        let (mut begun, before) = (self.begun, self.frames.len());
        self.frames.retain(|waiting| std::mem::take(&mut begun) || !waiting.volatile);
        self.bytes = self.frames.iter().map(|waiting| waiting.frame.len()).sum();
        (before - self.frames.len()) as u64
    }

    /// What waits, in order, without the bytes that the socket took.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let skips = std::iter::once(self.taken).chain(std::iter::repeat(0));
        self.frames.iter().zip(skips).map(|(waiting, skip)| &waiting.frame[skip..])
    }

    /// The socket took this many bytes from the front.
    ///
    /// # Panics
    /// If that is more than waits.
    pub fn took(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let first = self.frames.front().expect("a socket takes no more than it is given");
            let left = first.frame.len() - self.taken;
            if bytes < left {
                self.taken += bytes;
                self.begun = true;
                return;
            }
            bytes -= left;
            self.bytes -= first.frame.len();
            self.taken = 0;
            self.begun = false;
            self.frames.pop_front();
        }
    }

    /// Drops all but a frame of which the socket took a part, so that a close frame can follow it.
    pub fn keep_begun(&mut self) {
        self.frames.truncate(usize::from(self.begun));
        self.bytes = self.frames.iter().map(|waiting| waiting.frame.len()).sum();
    }

    /// Whether it is time to let the socket take some.
    #[must_use]
    pub fn is_half_full(&self, bounds: &Bounds) -> bool {
        self.frames.len() * 2 >= bounds.frames || self.bytes * 2 >= bounds.bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of the frames that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
