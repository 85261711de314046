//! Socket: bytes to and from one peer.
//!
//! Whoever has something to write writes it, at once and past the task that reads: most sockets
//! take a frame when it comes. Only when one does not, its task waits until it does.

use std::{
    io::{self, ErrorKind, IoSlice},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream, time::timeout};

/// Slices of one vectored write. More are rarely there, and the list lies on the stack.
const SLICES: usize = 32;

/// Bytes that a peer may still send while its socket closes.
const LATE_BYTES_MAX: usize = 1024 * 1024;

/// One peer's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Writes a frame now; returns how much of it the socket took.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<usize> {
        none_if_full(SockRef::from(&self.stream).send(frame))
    }

    /// Writes several now; returns how much of them the socket took.
    pub(crate) fn send_all<'a>(&self, frames: impl Iterator<Item = &'a [u8]>) -> io::Result<usize> {
        with_slices(frames, |slices| {
            none_if_full(SockRef::from(&self.stream).send_vectored(slices))
        })
    }

    /// Writes several when the socket takes some.
    pub(crate) fn poll_send<'a>(
        &self,
        cx: &mut Context<'_>,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        with_slices(frames, |slices| {
            loop {
                std::task::ready!(self.stream.poll_write_ready(cx))?;
                let sent = self.stream.try_io(Interest::WRITABLE, || {
                    SockRef::from(&self.stream).send_vectored(slices)
                });
                match sent {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    sent => return Poll::Ready(sent),
                }
            }
        })
    }

    /// Reads when something is there; 0 at the end.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    /// Writes the last bytes, says that there are no more, and waits until the peer has closed too:
    /// a socket closed with unread bytes is reset, and takes what was written with it. Whoever does
    /// not close in time is reset.
    pub(crate) async fn close(self, last: &[Bytes], wait: Duration) {
        let parting = async {
            for bytes in last {
                self.write_all(bytes).await?;
            }
            SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write)?;
            self.read_to_end().await
        };
        if !matches!(timeout(wait, parting).await, Ok(Ok(()))) {
            // Best effort: the socket may be reset already.
            SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).ok();
        }
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn read_to_end(&self) -> io::Result<()> {
        let (mut scrap, mut late) = ([0; 1024], 0);
        while late < LATE_BYTES_MAX {
            self.stream.readable().await?;
            match self.stream.try_read(&mut scrap) {
                Ok(0) => return Ok(()),
                Ok(read) => late += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::InvalidData.into())
    }
}

fn none_if_full(sent: io::Result<usize>) -> io::Result<usize> {
    match sent {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        sent => sent,
    }
}

fn with_slices<'a, T>(
    frames: impl Iterator<Item = &'a [u8]>,
    write: impl FnOnce(&[IoSlice<'_>]) -> T,
) -> T {
    let mut slices: [IoSlice<'_>; SLICES] = std::array::from_fn(|_| IoSlice::new(&[]));
    let mut count = 0;
    for (slice, frame) in slices.iter_mut().zip(frames) {
        *slice = IoSlice::new(frame);
        count += 1;
    }
    write(&slices[..count])
}
