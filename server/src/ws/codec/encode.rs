//! Encode: frames as the server sends them (RFC 6455, section 5.2).
//!
//! Never masked, never fragmented, so a frame depends on nothing but its payload: it is encoded
//! once and the same bytes go to every socket.

use bytes::Bytes;

use super::Opcode;
use super::head::{FIN, LENGTH_IN_16_BITS, LENGTH_IN_64_BITS};

/// Bytes of a close reason; with its code it fills a control frame.
const REASON_BYTES_MAX: usize = 123;

/// The head of a frame whose payload is sent from elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    bytes: [u8; 10],
    size: usize,
}

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

/// The head of a frame with a payload of `length` bytes.
pub(crate) fn head(opcode: Opcode, length: usize) -> Head {
    debug_assert!(length <= 125 || !opcode.is_control(), "a control frame has 125 bytes at most");
    let mut bytes = [0; 10];
    bytes[0] = FIN | opcode as u8;
    let size = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..LENGTH_IN_16_BITS), _) => {
            bytes[1] = length;
            2
        }
        (_, Ok(length)) => {
            bytes[1] = LENGTH_IN_16_BITS;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            4
        }
        _ => {
            bytes[1] = LENGTH_IN_64_BITS;
            bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    Head { bytes, size }
}

/// A whole frame.
pub(crate) fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    Bytes::from([head(opcode, payload.len()).as_ref(), payload].concat())
}

/// A close frame with a code; the reason is cut to what fits.
pub(crate) fn close(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    frame(Opcode::Close, &[&code.to_be_bytes(), &reason.as_bytes()[..end]].concat())
}
