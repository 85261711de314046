//! Wire: RFC 6455 as the load speaks it.
//!
//! Written here and not taken from the server, whose mistakes it would share. The mask is always
//! the same one: it protects proxies from pages, and here is neither.

use crate::failure::Failure;

/// What a text frame is masked with.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The first byte of a whole text message.
const TEXT: u8 = 0x81;

/// The key of the example in RFC 6455, section 1.3, and the answer to it.
pub(super) const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A frame that the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Text(&'a [u8]),
    /// With its code, where it has one.
    Close(Option<u16>),
    /// One that a session of `usher.v1` has no use for.
    Other,
}

/// Bytes that no server may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::failed("a session was sent a frame that is none")
    }
}

/// Appends a masked text frame.
pub(super) fn text(payload: &[u8], out: &mut Vec<u8>) {
    out.push(TEXT);
    match u16::try_from(payload.len()) {
        Ok(short @ ..126) => out.push(0x80 | short.to_be_bytes()[1]),
        Ok(length) => {
            out.push(0x80 | 126);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x80 | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Reads the frame at the front, if it is whole, and tells how long it is.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let (Some(first), Some(second)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
    let Some((length, start)) = length(*second, &bytes[2..])? else { return Ok(None) };
    let end = start + length;
    let Some(payload) = bytes.get(start..end) else { return Ok(None) };
    let frame = match first {
        0x81 => Frame::Text(payload),
        0x88 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        0x89 | 0x8A => Frame::Other,
        _ => return Err(Malformed),
    };
    Ok(Some((frame, end)))
}

/// The length of a frame's payload, and where that begins.
fn length(second: u8, rest: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    match second {
        126 => Ok(rest.first_chunk().map(|two| (usize::from(u16::from_be_bytes(*two)), 4))),
        127 => match rest.first_chunk() {
            None => Ok(None),
            Some(eight) => match usize::try_from(u64::from_be_bytes(*eight)) {
                Ok(length) if length < 1 << 32 => Ok(Some((length, 10))),
                Ok(_) | Err(_) => Err(Malformed),
            },
        },
        128.. => Err(Malformed),
        short => Ok(Some((usize::from(short), 2))),
    }
}

#[cfg(test)]
mod tests;
