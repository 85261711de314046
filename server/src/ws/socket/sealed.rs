//! Sealed: plaintext to and from a socket by way of records.
//!
//! Ciphertext is read into, and written from, buffers that all sockets of a thread share. What the
//! kernel does not take of it is owed, and while something is owed no plaintext is taken, so that
//! it is never more than one burst.
//!
//! Not here: who waits until a socket is ready.

use std::{
    cell::RefCell,
    io,
    task::{Poll, ready},
};

use socket2::SockRef;

use super::none_if_full;
use crate::tls::{PARTIAL_BYTES_MAX, Records};

/// Plaintext that is sealed at once, and written by one call: two records. More would save few
/// calls, and is what a slow peer makes this end keep.
const BURST_BYTES: usize = 32 * 1024;

/// Ciphertext that is read at once.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The same where there is next to no room for its plaintext. What has none is kept, so it is not
/// to be much; but a peer's greeting should come in one piece.
const READ_BYTES_MIN: usize = 4 * 1024;

/// What the sockets of a thread share.
struct Scratch {
    /// Ciphertext that came.
    came: Vec<u8>,
    /// Plaintext that goes.
    plain: Vec<u8>,
    /// The same as ciphertext.
    sealed: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        const { RefCell::new(Scratch { came: Vec::new(), plain: Vec::new(), sealed: Vec::new() }) };
}

/// Writes now, as long as the socket takes it; returns how much plaintext was taken.
pub(super) fn send<'a>(
    socket: &SockRef<'_>,
    records: &mut Records,
    mut frames: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    SCRATCH.with_borrow_mut(|Scratch { plain, sealed, .. }| {
        let (mut frame, mut taken): (&[u8], _) = (&[], 0);
        while pay(socket, records)? {
            frame = gather(plain, frame, &mut frames);
            if plain.is_empty() {
                break;
            }
            sealed.clear();
            records.seal(plain, sealed)?;
            taken += plain.len();
            let sent = none_if_full(socket.send(sealed))?;
            records.owe(&sealed[sent..]);
        }
        Ok(taken)
    })
}

/// Writes what is owed, as far as the socket takes it; tells whether that was all.
pub(super) fn pay(socket: &SockRef<'_>, records: &mut Records) -> io::Result<bool> {
    while !records.owed().is_empty() {
        match none_if_full(socket.send(records.owed()))? {
            0 => return Ok(false),
            sent => records.paid(sent),
        }
    }
    Ok(true)
}

/// Takes in what `read` finds. `None` if no plaintext came of it, 0 at the end.
pub(super) fn receive(
    records: &mut Records,
    buffer: &mut [u8],
    read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<Option<usize>>> {
    SCRATCH.with_borrow_mut(|Scratch { came, .. }| {
        came.resize(PARTIAL_BYTES_MAX + READ_BYTES_MAX, 0);
        let (start, room) =
            (records.partial().len(), buffer.len().clamp(READ_BYTES_MIN, READ_BYTES_MAX));
        came[..start].copy_from_slice(records.partial());
        let read = ready!(read(&mut came[start..start + room]))?;
        if read == 0 {
            // Without a word, or in the middle of one: gone is gone.
            return Poll::Ready(Ok(Some(0)));
        }
        let read = records.receive(&mut came[..start + read], buffer);
        Poll::Ready(Ok(Some(read).filter(|read| *read > 0)))
    })
}

/// Fills `plain` from what is left of a frame and those behind it; returns what is left then.
fn gather<'a>(
    plain: &mut Vec<u8>,
    mut frame: &'a [u8],
    frames: &mut impl Iterator<Item = &'a [u8]>,
) -> &'a [u8] {
    plain.clear();
    loop {
        let fits = frame.len().min(BURST_BYTES - plain.len());
        let (now, later) = frame.split_at(fits);
        plain.extend_from_slice(now);
        if !later.is_empty() {
            return later;
        }
        match frames.next() {
            Some(next) => frame = next,
            None => return later,
        }
    }
}
