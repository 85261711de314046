//! Visit: a socket of which the beginning was read already.

use std::{
    future::pending,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::ws::socket::Socket;

/// How long who is to go may be behind with its answer. Who reads has it by then.
const BEHIND_MAX: Duration = Duration::from_secs(1);

/// Reads what was said, then on from the socket.
#[derive(Debug)]
pub(super) struct Visit {
    said: Bytes,
    socket: Socket,
    /// Since when its answers have waited to be read, if they do.
    behind: watch::Sender<Option<Instant>>,
}

/// Whether a visitor reads what it is answered.
#[derive(Debug)]
pub(super) struct Reading(watch::Receiver<Option<Instant>>);

impl Reading {
    /// Returns when the visitor has been behind for too long. Who takes a little now and then is
    /// behind until it has all.
    pub(super) async fn stalled(&mut self) {
        loop {
            let since = *self.0.borrow_and_update();
            let too_long = async {
                match since {
                    Some(since) => sleep_until(since + BEHIND_MAX).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = too_long => return,
                changed = self.0.changed() => if changed.is_err() {
                    // The visit is over.
                    return pending().await;
                }
            }
        }
    }
}

impl Visit {
    pub(super) fn new(said: Bytes, socket: Socket) -> (Self, Reading) {
        let (behind, reading) = watch::channel(None);
        (Self { said, socket, behind }, Reading(reading))
    }

    /// Notes what became of a write.
    fn wrote<T>(&self, write: Poll<T>) -> Poll<T> {
        if write.is_pending() {
            self.behind.send_if_modified(|since| {
                let is_new = since.is_none();
                since.get_or_insert_with(Instant::now);
                is_new
            });
        }
        write
    }

    /// The socket, and what of its beginning nobody has read.
    pub(super) fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.said)
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.said.has_remaining() {
            let fits = self.said.len().min(buffer.remaining());
            buffer.put_slice(&self.said.split_to(fits));
            return Poll::Ready(Ok(()));
        }
        AsyncRead::poll_read(Pin::new(&mut self.socket), cx, buffer)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.wrote(write)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = AsyncWrite::poll_flush(Pin::new(&mut self.socket), cx);
        // All that there was to write is written.
        if flush.is_ready() {
            self.behind.send_if_modified(|since| since.take().is_some());
        }
        self.wrote(flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
