//! TLS on a socket: records between the bytes that are meant and those on the wire.
//!
//! Ciphertext is read into, and written from, buffers that all sockets of a thread share. What the
//! kernel does not take of it is owed, and while something is owed no plaintext is taken, so that
//! it is never more than one burst.
//!
//! The handshake needs nobody: it goes on as its bytes are read.

use std::{
    cell::RefCell,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::{none_if_full, poll_read, poll_write};
use crate::tls::{PARTIAL_BYTES_MAX, Records};

/// Plaintext that is sealed at once, and written by one call: two records. More would save few
/// calls, and is what a slow peer makes this end keep.
const BURST_BYTES: usize = 32 * 1024;

/// Ciphertext that is read at once.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The same where there is next to no room for its plaintext. What has none is kept, so it is not
/// to be much; but a peer's greeting should come in one piece.
const READ_BYTES_MIN: usize = 4 * 1024;

/// A socket and its end of TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    stream: TcpStream,
    /// Nobody ever waits for the lock, since a socket is in one task at a time. It is one so that a
    /// task of the HTTP server can go from thread to thread.
    records: Mutex<Records>,
}

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

impl Tls {
    pub(super) fn new(stream: TcpStream, records: Records) -> Self {
        Self { stream, records: Mutex::new(records) }
    }

    pub(super) fn into_parts(self) -> (TcpStream, Records) {
        (self.stream, self.records.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn owes(&self) -> bool {
        !self.records().owed().is_empty()
    }

    /// Writes now, as long as the socket takes it.
    pub(super) fn send<'a>(&self, mut frames: impl Iterator<Item = &'a [u8]>) -> io::Result<usize> {
        let mut records = self.records();
        SCRATCH.with_borrow_mut(|Scratch { plain, sealed, .. }| {
            let (mut frame, mut taken): (&[u8], _) = (&[], 0);
            while self.pay(&mut records)? {
                frame = gather(plain, frame, &mut frames);
                if plain.is_empty() {
                    break;
                }
                sealed.clear();
                records.seal(plain, sealed)?;
                taken += plain.len();
                let sent = none_if_full(SockRef::from(&self.stream).send(sealed))?;
                records.owe(&sealed[sent..]);
            }
            Ok(taken)
        })
    }

    /// Writes when nothing is owed any more.
    pub(super) fn poll_send<'a>(
        &self,
        cx: &mut Context<'_>,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(self.send(frames))
    }

    /// Writes what is owed.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_pay(&mut self.records(), cx)
    }

    /// Reads what was meant; 0 at the end.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut records = self.records();
        loop {
            if let Some(read) = records.read(buffer) {
                return Poll::Ready(
                    read.inspect_err(|error| tracing::debug!(%error, "TLS broke off")),
                );
            }
            // The peer may wait for its part of the handshake before it says more. Where nothing
            // can be written, something may still be read; whoever writes is told.
            let _waits = self.poll_pay(&mut records, cx);
            let read = ready!(self.poll_receive(&mut records, cx, buffer))?;
            // What came of it is written before anything is said of it: it may be the last.
            self.pay(&mut records).ok();
            if let Some(read) = read {
                return Poll::Ready(Ok(read));
            }
        }
    }

    /// Takes in what is there. `None` if no plaintext came of it.
    fn poll_receive(
        &self,
        records: &mut Records,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Option<usize>>> {
        SCRATCH.with_borrow_mut(|Scratch { came, .. }| {
            came.resize(PARTIAL_BYTES_MAX + READ_BYTES_MAX, 0);
            let (start, room) =
                (records.partial().len(), buffer.len().clamp(READ_BYTES_MIN, READ_BYTES_MAX));
            came[..start].copy_from_slice(records.partial());
            let read = ready!(poll_read(&self.stream, cx, &mut came[start..start + room]))?;
            if read == 0 {
                // Without a word, or in the middle of one: gone is gone.
                return Poll::Ready(Ok(Some(0)));
            }
            let read = records.receive(&mut came[..start + read], buffer);
            Poll::Ready(Ok(Some(read).filter(|read| *read > 0)))
        })
    }

    /// Says that nothing more will be written.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut records = self.records();
        // Where there never was a session of TLS, or is none any more, there is nothing to say.
        records.close().ok();
        self.poll_pay(&mut records, cx)
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is owed, as far as the socket takes it; tells whether that was all.
    fn pay(&self, records: &mut Records) -> io::Result<bool> {
        while !records.owed().is_empty() {
            match none_if_full(SockRef::from(&self.stream).send(records.owed()))? {
                0 => return Ok(false),
                sent => records.paid(sent),
            }
        }
        Ok(true)
    }

    fn poll_pay(&self, records: &mut Records, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !records.owed().is_empty() {
            let write = || SockRef::from(&self.stream).send(records.owed());
            let sent = ready!(poll_write(&self.stream, cx, write))?;
            records.paid(sent);
        }
        Poll::Ready(Ok(()))
    }
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
