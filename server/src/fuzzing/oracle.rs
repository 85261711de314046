//! Oracle: RFC 6455's frames, read a second time and as plainly as can be.
//!
//! The decoder is fast, keeps only what it must and takes its input in any pieces. This has all
//! bytes at once, copies them, and goes through the rules from left to right. Where the two see
//! different things, one of them is wrong.
//!
//! Not here: anything of the decoder but the types of what it answers.

use std::borrow::Cow;

use crate::ws::codec::{Bounds, Close, Event, Failure};

/// What the reader of a socket sees: events, and at the end perhaps how it ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Event(Event<'static>),
    Failed(Failure),
    Unfinished,
}

/// Why there is no next frame.
enum End {
    /// Its head is cut off.
    Cut,
    /// Its head breaks a rule.
    Failed(Failure),
}

/// A message whose last fragment has not come.
struct Open {
    is_text: bool,
    bytes: Vec<u8>,
    fragments: u32,
}

/// A frame, its payload unmasked and perhaps cut off.
struct Frame {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
    is_whole: bool,
}

/// All that is to be seen in what a session wrote.
pub(crate) fn read(bounds: &Bounds, mut bytes: &[u8]) -> Vec<Seen> {
    let (mut seen, mut open) = (Vec::new(), None);
    while !bytes.is_empty() {
        let frame = match frame(bounds, &mut bytes, open.as_ref()) {
            Ok(frame) => frame,
            Err(End::Cut) => break,
            Err(End::Failed(failure)) => {
                seen.push(Seen::Failed(failure));
                return seen;
            }
        };
        let is_whole = frame.is_whole;
        match event(frame, &mut open) {
            Ok(None) if is_whole => {}
            Ok(None) => break,
            Ok(Some(event)) => {
                let is_last = matches!(event, Event::Close(_));
                seen.push(Seen::Event(event));
                if is_last {
                    return seen;
                }
            }
            Err(failure) => {
                seen.push(Seen::Failed(failure));
                return seen;
            }
        }
    }
    if !bytes.is_empty() || open.is_some() {
        seen.push(Seen::Unfinished);
    }
    seen
}

/// The next frame, taken off `bytes` if it is whole. Every rule at its byte (section 5.2).
fn frame(bounds: &Bounds, bytes: &mut &[u8], open: Option<&Open>) -> Result<Frame, End> {
    let at = |index: usize| bytes.get(index).copied().ok_or(End::Cut);
    let first = at(0)?;
    let (fin, reserved, opcode) = (first >= 128, first / 16 % 8, first % 16);
    let is_control = opcode >= 8;
    let broken = match (opcode, open) {
        _ if reserved != 0 => Some(Failure::ReservedBit),
        (3..=7 | 11.., _) => Some(Failure::ReservedOpcode),
        (8.., _) if !fin => Some(Failure::ControlFragmented),
        (0, None) => Some(Failure::NothingToContinue),
        (0, Some(open)) if open.fragments >= bounds.fragments => Some(Failure::TooManyFragments),
        (1 | 2, Some(_)) => Some(Failure::MessageUnfinished),
        _ => None,
    };
    judge(broken)?;

    let second = at(1)?;
    let short = second % 128;
    let broken = match () {
        () if second < 128 => Some(Failure::NotMasked),
        () if is_control && short > 125 => Some(Failure::ControlTooLong),
        () => None,
    };
    judge(broken)?;

    let (length_bytes, shortest) = match short {
        126 => (2, 126),
        127 => (8, 0x1_0000),
        _ => (0, 0),
    };
    let long = bytes.get(2..2 + length_bytes).ok_or(End::Cut)?;
    let long = long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    let length = if length_bytes == 0 { u64::from(short) } else { long };
    let before = open.map_or(0, |open| open.bytes.len() as u64);
    let broken = match () {
        () if is_control => None,
        () if length > u64::MAX / 2 => Some(Failure::LengthTopBit),
        () if length < shortest => Some(Failure::LengthNotMinimal),
        () if length > bounds.frame_bytes as u64 => Some(Failure::FrameTooLong),
        () if length + before > bounds.message_bytes as u64 => Some(Failure::MessageTooLong),
        () => None,
    };
    judge(broken)?;

    let key = bytes.get(2 + length_bytes..6 + length_bytes).ok_or(End::Cut)?;
    let rest = &bytes[6 + length_bytes..];
    let length = usize::try_from(length).expect("it is within bounds");
    let masked = &rest[..length.min(rest.len())];
    let payload = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    let is_whole = masked.len() == length;
    if is_whole {
        *bytes = &rest[length..];
    }
    Ok(Frame { fin, opcode, payload, is_whole })
}

fn judge(broken: Option<Failure>) -> Result<(), End> {
    broken.map_or(Ok(()), |failure| Err(End::Failed(failure)))
}

/// What a frame amounts to: an event, a part of one, or the first rule that its payload breaks.
fn event(frame: Frame, open: &mut Option<Open>) -> Result<Option<Event<'static>>, Failure> {
    let Frame { fin, opcode, payload, is_whole } = frame;
    match opcode {
        8.. if !is_whole => Ok(None),
        8 => close(&payload).map(|close| Some(Event::Close(close))),
        9 => Ok(Some(Event::Ping(payload.into()))),
        10.. => Ok(Some(Event::Pong(payload.into()))),
        _ => {
            let new = || Open { is_text: opcode == 1, bytes: Vec::new(), fragments: 0 };
            let mut message = open.take().unwrap_or_else(new);
            message.bytes.extend(payload);
            // What is cut off at the end may go on in the next fragment, and after the last not.
            let utf8 = str::from_utf8(&message.bytes);
            let is_over = fin && is_whole;
            if message.is_text && utf8.is_err_and(|e| is_over || e.error_len().is_some()) {
                return Err(Failure::NotUtf8);
            }
            message.fragments += u32::from(is_whole);
            if !is_over {
                *open = Some(message);
                return Ok(None);
            }
            Ok(Some(match String::from_utf8(message.bytes) {
                Ok(text) if message.is_text => Event::Text(text.into()),
                Ok(text) => Event::Binary(text.into_bytes().into()),
                Err(binary) => Event::Binary(binary.into_bytes().into()),
            }))
        }
    }
}

/// A close frame's body (sections 5.5.1 and 7.4).
fn close(payload: &[u8]) -> Result<Option<Close<'static>>, Failure> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(Failure::CloseBodyCut),
        [high, low, reason @ ..] => (u16::from(*high) * 256 + u16::from(*low), reason),
    };
    let may_be_sent = match code {
        1000..3000 => ![1004, 1005, 1006].contains(&code) && code < 1015,
        _ => (3000..5000).contains(&code),
    };
    match String::from_utf8(reason.to_vec()) {
        _ if !may_be_sent => Err(Failure::CloseCodeInvalid),
        Ok(reason) => Ok(Some(Close { code, reason: Cow::Owned(reason) })),
        Err(_) => Err(Failure::NotUtf8),
    }
}

/// Opcode and payload of a frame that the server wrote: whole, alone, with a plain head.
pub(crate) fn written(bytes: &[u8]) -> (u8, &[u8]) {
    let [first @ 0x80..=0x8A, short @ ..=127, rest @ ..] = bytes else {
        panic!("no whole frame without a mask: {bytes:?}");
    };
    let (length_bytes, shortest) = match short {
        126 => (2, 126),
        127 => (8, 0x1_0000),
        _ => (0, 0),
    };
    let (long, payload) = rest.split_at(length_bytes);
    let long = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let length = if length_bytes == 0 { usize::from(*short) } else { long };
    assert!(length >= shortest, "the length is in its shortest form");
    assert_eq!(payload.len(), length, "the payload is as long as its head says");
    (first % 16, payload)
}
