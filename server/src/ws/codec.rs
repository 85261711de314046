//! The RFC 6455 frame codec: bytes from the socket in, events out.
//!
//! An idle session must own no buffer, so the bytes of one read lie in a buffer that all sessions of
//! a shard share, and it is gone when the read has been dealt with. A frame that is there as a whole
//! is unmasked where it lies and handed out as a slice of that buffer: no copy, no allocation. Only
//! what is cut off, be it a header, a payload or a message of many fragments, is kept in `Partial`,
//! and that is freed with the event that completes it.
//!
//! Whatever the sender declares, memory grows only with bytes that came: lengths are held against
//! `Bounds` when the header is read, and text is checked as it arrives, so that what can only fail
//! fails at once.
//!
//! Not here: sockets, time (a message that stays unfinished is the caller's to end), rates, the
//! close handshake, what a frame says. No extensions are spoken, so a reserved bit is an error.

use std::borrow::Cow;

pub(crate) mod encode;
mod partial;
mod head;
mod close;
mod mask;
mod failure;

#[cfg(test)]
mod tests;

pub(crate) use close::Close;
pub(crate) use failure::Failure;
use partial::Partial;

/// What one message may cost. A frame or message that exceeds it fails at its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Payload of one data frame.
    pub(crate) frame_bytes: usize,
    /// Payload of one message, over all its fragments.
    pub(crate) message_bytes: usize,
    /// Fragments of one message, empty ones too: these cost work though they carry nothing.
    pub(crate) fragments: u32,
}

/// The kind of a frame (RFC 6455, section 5.2). Continuation is missing on purpose: a fragment is
/// of its message's kind, and the server sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// A complete message or control frame: borrowed from the input where it lay there as a whole,
/// owned where it had to be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Ping(Cow<'a, [u8]>),
    Pong(Cow<'a, [u8]>),
    /// The last event: the caller decodes nothing after it (section 5.5.1).
    Close(Option<Close<'a>>),
}

/// What came of one call.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// An event, and the input behind it.
    Event { event: Event<'a>, rest: &'a mut [u8] },
    /// All input was taken in; more of it is needed.
    More,
}

/// The reading side of one session's socket. Eight bytes while nothing is unfinished.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    partial: Option<Box<Partial>>,
}

impl Decoder {
    /// Takes the next event out of `input`, which it unmasks in place.
    ///
    /// To be called with the rest until it answers `More`, as in `while let Step::Event { event,
    /// rest } = ..`. A failure is final: what was kept is freed, and the socket is to be closed
    /// with its code.
    pub(crate) fn next<'a>(
        &mut self,
        input: &'a mut [u8],
        bounds: &Bounds,
    ) -> Result<Step<'a>, Failure> {
        if input.is_empty() {
            return Ok(Step::More);
        }
        if self.partial.is_none()
            && let Some(head) = head::parse(input, None, bounds)?
            && head.fin
            && input.len() - head.size >= head.length
        {
            let (frame, rest) = input.split_at_mut(head.size + head.length);
            let payload = &mut frame[head.size..];
            mask::apply(payload, head.key);
            return Ok(Step::Event {
                event: Event::new(head.opcode, Cow::Borrowed(payload))?,
                rest,
            });
        }
        self.collect(input, bounds)
    }

    /// Whether part of a frame or message is kept, so that the caller can give it a deadline.
    pub(crate) fn unfinished(&self) -> bool {
        self.partial.is_some()
    }

    /// The slow path, kept out of the way of the fast one.
    #[inline(never)]
    fn collect<'a>(&mut self, input: &'a mut [u8], bounds: &Bounds) -> Result<Step<'a>, Failure> {
        let mut partial = self.partial.take().unwrap_or_default();
        let step = partial.take_in(input, bounds)?;
        self.partial = (!partial.is_empty()).then_some(partial);
        Ok(step)
    }

    /// The memory kept between calls.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.held_bytes())
    }
}

impl<'a> Event<'a> {
    #[inline]
    fn new(opcode: Opcode, payload: Cow<'a, [u8]>) -> Result<Self, Failure> {
        Ok(match opcode {
            Opcode::Text => Event::Text(text(payload)?),
            Opcode::Binary => Event::Binary(payload),
            Opcode::Close => Event::Close(close::parse(payload)?),
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong(payload),
        })
    }
}

impl Opcode {
    /// Control frames are whole and small, and may come between fragments (section 5.5).
    fn is_control(self) -> bool {
        match self {
            Self::Text | Self::Binary => false,
            Self::Close | Self::Ping | Self::Pong => true,
        }
    }
}

/// Text is UTF-8 (section 8.1).
fn text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Failure> {
    let text = match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    text.ok_or(Failure::NotUtf8)
}
