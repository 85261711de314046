//! TLS on a socket of the runtime: records between the bytes that are meant and those on the wire.
//!
//! The handshake needs nobody: it goes on as its bytes are read.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::{poll_read, poll_write, sealed};
use crate::tls::Records;

/// A socket and its end of TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    stream: TcpStream,
    /// Nobody ever waits for the lock, since a socket is in one task at a time. It is one so that a
    /// task of the HTTP server can go from thread to thread.
    records: Mutex<Box<Records>>,
}

impl Tls {
    pub(super) fn new(stream: TcpStream, records: Box<Records>) -> Self {
        Self { stream, records: Mutex::new(records) }
    }

    pub(super) fn into_parts(self) -> (TcpStream, Box<Records>) {
        (self.stream, self.records.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes when nothing is owed any more.
    pub(super) fn poll_send<'a>(
        &self,
        cx: &mut Context<'_>,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(sealed::send(&SockRef::from(&self.stream), &mut self.records(), frames))
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
            let read = ready!(sealed::receive(&mut records, buffer, |came| {
                poll_read(&self.stream, cx, came)
            }))?;
            // What came of it is written before anything is said of it: it may be the last.
            sealed::pay(&SockRef::from(&self.stream), &mut records).ok();
            if let Some(read) = read {
                return Poll::Ready(Ok(read));
            }
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut records = self.records();
        // Where there never was a session of TLS, or is none any more, there is nothing to say.
        records.close().ok();
        self.poll_pay(&mut records, cx)
    }

    fn records(&self) -> MutexGuard<'_, Box<Records>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
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
