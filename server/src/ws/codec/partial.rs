//! Partial: what is kept of frames and messages that the last read did not complete.
//!
//! It is in a head or in a payload (`Stage`), and apart from that perhaps within a message, whose
//! fragments are merged as they come; control frames may stand between them (RFC 6455, section
//! 5.4). Text is checked up to the last whole code point after every read.
//!
//! Not here: frames that lie in the input as a whole while nothing is kept (`Decoder::next`).

use std::borrow::Cow;
use std::mem;

use super::head::{self, Earlier, Head};
use super::{Bounds, Event, Failure, Opcode, Step, mask};

/// An unfinished frame, an unfinished message, or both.
#[derive(Debug, Default)]
pub(super) struct Partial {
    stage: Stage,
    /// From the first payload byte or finished fragment to the end of the last fragment.
    message: Option<Message>,
}

#[derive(Debug)]
enum Stage {
    /// In the next frame's head, of which these bytes came; none between two frames.
    Head {
        bytes: [u8; head::BYTES_MAX],
        len: usize,
    },
    Payload(Frame),
}

/// A frame whose payload is arriving.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// As it applies to the next byte.
    key: [u8; 4],
    /// Bytes still to come.
    missing: usize,
    /// What came of a control frame; data goes to the message.
    control: Vec<u8>,
}

#[derive(Debug)]
struct Message {
    opcode: Opcode,
    bytes: Vec<u8>,
    /// How many bytes are known to be whole code points. Of text only.
    checked: usize,
    /// Finished fragments.
    fragments: u32,
}

impl Partial {
    /// Takes in input up to the next event.
    pub(super) fn take_in<'a>(
        &mut self,
        mut input: &'a mut [u8],
        bounds: &Bounds,
    ) -> Result<Step<'a>, Failure> {
        loop {
            let mut frame = match mem::take(&mut self.stage) {
                Stage::Payload(frame) => frame,
                Stage::Head { bytes, len } => {
                    let Some((head, used)) = self.head(bytes, len, input, bounds)? else {
                        return Ok(Step::More);
                    };
                    input = &mut input[used..];
                    Frame::new(head)
                }
            };
            let (payload, rest) = input.split_at_mut(frame.missing.min(input.len()));
            frame.unmask(payload);
            let event = if frame.opcode.is_control() {
                self.control(frame, payload)?
            } else {
                self.data(frame, payload, bounds)?
            };
            match event {
                Some(event) => return Ok(Step::Event { event, rest }),
                None if rest.is_empty() => return Ok(Step::More),
                None => input = rest,
            }
        }
    }

    /// Whether nothing is unfinished.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.stage, Stage::Head { len: 0, .. }) && self.message.is_none()
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn held_bytes(&self) -> usize {
        let control = match &self.stage {
            Stage::Head { .. } => 0,
            Stage::Payload(frame) => frame.control.capacity(),
        };
        size_of::<Self>() + control + self.message.as_ref().map_or(0, |m| m.bytes.capacity())
    }

    /// Completes a head from the input, and says how much of it that used; or keeps what there is.
    fn head(
        &mut self,
        mut bytes: [u8; head::BYTES_MAX],
        len: usize,
        input: &[u8],
        bounds: &Bounds,
    ) -> Result<Option<(Head, usize)>, Failure> {
        let more = input.len().min(head::BYTES_MAX - len);
        bytes[len..len + more].copy_from_slice(&input[..more]);
        let earlier = self.message.as_ref().map(Message::earlier);
        let parsed = head::parse(&bytes[..len + more], earlier, bounds)?;
        if parsed.is_none() {
            self.stage = Stage::Head { bytes, len: len + more };
        }
        Ok(parsed.map(|head| (head, head.size - len)))
    }

    /// Takes in what came of a control frame.
    fn control<'a>(
        &mut self,
        mut frame: Frame,
        payload: &'a [u8],
    ) -> Result<Option<Event<'a>>, Failure> {
        if frame.missing == 0 && frame.control.is_empty() {
            return Event::new(frame.opcode, Cow::Borrowed(payload)).map(Some);
        }
        frame.control.extend_from_slice(payload);
        if frame.missing == 0 {
            return Event::new(frame.opcode, Cow::Owned(frame.control)).map(Some);
        }
        self.stage = Stage::Payload(frame);
        Ok(None)
    }

    /// Takes in what came of a data frame, and merges it into its message.
    fn data<'a>(
        &mut self,
        frame: Frame,
        payload: &'a [u8],
        bounds: &Bounds,
    ) -> Result<Option<Event<'a>>, Failure> {
        if frame.missing == 0 && frame.fin && self.message.is_none() {
            return Event::new(frame.opcode, Cow::Borrowed(payload)).map(Some);
        }
        if frame.missing > 0 && payload.is_empty() {
            // No message yet: the payload may come in one piece with the next read.
            self.stage = Stage::Payload(frame);
            return Ok(None);
        }
        let message = self.message.get_or_insert_with(|| Message::new(frame.opcode));
        message.push(payload, bounds)?;
        if frame.missing > 0 {
            self.stage = Stage::Payload(frame);
            return Ok(None);
        }
        message.fragments += 1;
        let finished = self.message.take_if(|_| frame.fin);
        finished.map(|message| Event::new(message.opcode, Cow::Owned(message.bytes))).transpose()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head { bytes: [0; head::BYTES_MAX], len: 0 }
    }
}

impl Frame {
    fn new(head: Head) -> Self {
        let Head { fin, opcode, key, length, size: _ } = head;
        Self { opcode, fin, key, missing: length, control: Vec::new() }
    }

    fn unmask(&mut self, payload: &mut [u8]) {
        mask::apply(payload, self.key);
        self.key = mask::after(payload.len(), self.key);
        self.missing -= payload.len();
    }
}

impl Message {
    fn new(opcode: Opcode) -> Self {
        Self { opcode, bytes: Vec::new(), checked: 0, fragments: 0 }
    }

    /// Appends, and finds the first byte that no UTF-8 has there (section 8.1). A code point that is
    /// cut off at the end may yet be completed; `Event::new` sees whether it was.
    fn push(&mut self, payload: &[u8], bounds: &Bounds) -> Result<(), Failure> {
        let len = self.bytes.len() + payload.len();
        if len > self.bytes.capacity() {
            // Twice the bytes that came, so that a message is not copied for every read.
            let capacity = len.max((2 * self.bytes.len()).min(bounds.message_bytes));
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(payload);
        if self.opcode == Opcode::Text {
            self.checked += match str::from_utf8(&self.bytes[self.checked..]) {
                Ok(whole) => whole.len(),
                Err(cut) if cut.error_len().is_none() => cut.valid_up_to(),
                Err(_) => return Err(Failure::NotUtf8),
            };
        }
        Ok(())
    }

    fn earlier(&self) -> Earlier {
        Earlier { opcode: self.opcode, fragments: self.fragments, bytes: self.bytes.len() }
    }
}
