//! Fingerprint: whether a call that is made again under its key asks for the same.
//!
//! What a sender asked for, as it came, is hashed; two that differ in a space are two. A hash that
//! nobody can make collide, since senders need not be friends of their own users.

use protocol::frame::SendFrame;
use sha2::{Digest, Sha256};

/// Of a request at this path with this body.
pub(crate) fn of_request(path: &str, body: &[u8]) -> u128 {
    of(&[path.as_bytes(), body])
}

/// Of a frame that sends.
pub(crate) fn of_frame(frame: &SendFrame) -> u128 {
    let to = frame.to.to_string();
    let rest = format!("{} {:?} {:?}", frame.volatile, frame.ttl, frame.echo);
    of(&[to.as_bytes(), rest.as_bytes(), frame.data.as_str().as_bytes()])
}

/// Each part is preceded by its length, so that none runs into the next.
fn of(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_first_chunk().expect("32 bytes are more than 16");
    u128::from_le_bytes(*first)
}

#[cfg(test)]
mod tests;
