//! Head: the two to fourteen bytes before a frame's payload (RFC 6455, section 5.2).
//!
//! It is parsed anew from its first byte whenever more of it came, and every rule is checked as
//! soon as its byte is there, in the order of the bytes. So a stranger who speaks another protocol
//! is refused at the first byte, and how the bytes were split over reads changes no outcome.
//!
//! Not here: the payload, and keeping the bytes of a head that was cut off (`partial`).

use super::{Bounds, Failure, Opcode};

/// Bytes of the longest head: two, a 64-bit length, the key.
pub(super) const BYTES_MAX: usize = 2 + 8 + 4;

pub(super) const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
pub(super) const LENGTH_IN_16_BITS: u8 = 126;
pub(super) const LENGTH_IN_64_BITS: u8 = 127;

/// A frame's head whose rules all hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) fin: bool,
    /// Of a continuation: its message's.
    pub(super) opcode: Opcode,
    pub(super) key: [u8; 4],
    /// Bytes of the payload.
    pub(super) length: usize,
    /// Bytes of the head itself.
    pub(super) size: usize,
}

/// The fragments before this frame, of a message that is not finished.
#[derive(Debug, Clone, Copy)]
pub(super) struct Earlier {
    pub(super) opcode: Opcode,
    pub(super) fragments: u32,
    pub(super) bytes: usize,
}

/// Parses the head that `input` begins with; `None` if it is cut off but right so far.
#[inline]
pub(super) fn parse(
    input: &[u8],
    earlier: Option<Earlier>,
    bounds: &Bounds,
) -> Result<Option<Head>, Failure> {
    let Some(&first) = input.first() else { return Ok(None) };
    let opcode = opcode(first, earlier, bounds)?;
    let Some(&second) = input.get(1) else { return Ok(None) };
    if second & MASKED == 0 {
        return Err(Failure::NotMasked);
    }
    let short = second & LENGTH;
    if opcode.is_control() && short >= LENGTH_IN_16_BITS {
        return Err(Failure::ControlTooLong);
    }
    let (length, before_key) = match short {
        LENGTH_IN_16_BITS => {
            let Some(&length) = input[2..].first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(length)), 4)
        }
        LENGTH_IN_64_BITS => {
            let Some(&length) = input[2..].first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(length), 10)
        }
        short => (u64::from(short), 2),
    };
    let length = if opcode.is_control() {
        usize::from(short)
    } else {
        bounded(length, short, earlier, bounds)?
    };
    let Some(&key) = input[before_key..].first_chunk() else { return Ok(None) };
    Ok(Some(Head { fin: first & FIN != 0, opcode, key, length, size: before_key + key.len() }))
}

/// What the first byte says, and whether it may say so here (sections 5.2, 5.4 and 5.5).
fn opcode(first: u8, earlier: Option<Earlier>, bounds: &Bounds) -> Result<Opcode, Failure> {
    if first & RESERVED != 0 {
        return Err(Failure::ReservedBit);
    }
    let opcode = match first & OPCODE {
        0x0 => {
            let Some(earlier) = earlier else { return Err(Failure::NothingToContinue) };
            if earlier.fragments >= bounds.fragments {
                return Err(Failure::TooManyFragments);
            }
            return Ok(earlier.opcode);
        }
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return Err(Failure::ReservedOpcode),
    };
    if opcode.is_control() {
        if first & FIN == 0 {
            return Err(Failure::ControlFragmented);
        }
    } else if earlier.is_some() {
        return Err(Failure::MessageUnfinished);
    }
    Ok(opcode)
}

/// A data frame's length, if it is in its shortest form and within bounds.
fn bounded(
    length: u64,
    short: u8,
    earlier: Option<Earlier>,
    bounds: &Bounds,
) -> Result<usize, Failure> {
    if length >> 63 != 0 {
        return Err(Failure::LengthTopBit);
    }
    let shortest = match length {
        ..126 => short < LENGTH_IN_16_BITS,
        126..0x1_0000 => short == LENGTH_IN_16_BITS,
        0x1_0000.. => true,
    };
    if !shortest {
        return Err(Failure::LengthNotMinimal);
    }
    let Ok(length) = usize::try_from(length) else { return Err(Failure::FrameTooLong) };
    if length > bounds.frame_bytes {
        return Err(Failure::FrameTooLong);
    }
    let earlier_bytes = earlier.map_or(0, |earlier| earlier.bytes);
    if length > bounds.message_bytes.saturating_sub(earlier_bytes) {
        return Err(Failure::MessageTooLong);
    }
    Ok(length)
}
