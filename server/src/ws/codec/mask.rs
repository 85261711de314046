//! Mask: the four-byte key that every frame from outside is XORed with (RFC 6455, section 5.3).
//!
//! It keeps a script from choosing the bytes that proxies see; to the server it is only work. So it
//! is done in place, eight bytes at a time, in a loop that the compiler turns into wider steps.

/// Unmasks a payload, or the part of one at which `key` begins.
#[inline]
pub(super) fn apply(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let twice = [a, b, c, d, a, b, c, d];
    let (words, tail) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(twice)).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(twice) {
        *byte ^= key;
    }
}

/// The key as it continues after `length` bytes.
pub(super) fn after(length: usize, mut key: [u8; 4]) -> [u8; 4] {
    key.rotate_left(length % 4);
    key
}
