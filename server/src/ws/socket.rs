//! Socket: bytes to and from one peer, in the clear or within TLS.
//!
//! At the door, with the HTTP server and while it closes, a task has it and waits for it. As a
//! session's it is [`Unwatched`]: whoever has something to write writes it at once, since most
//! sockets take a frame when it comes.
//!
//! Within TLS the bytes that are counted here are those of the plaintext. What was taken may still
//! be owed to the socket as ciphertext; then nothing more is taken, and whoever wrote must see to
//! it that [`Socket::poll_flush`] or [`Unwatched::flush`] is called.

mod stream;
mod unwatched;
mod tls;
mod sealed;

use std::{
    future::{pending, poll_fn},
    io::{self, ErrorKind, IoSlice},
    mem::MaybeUninit,
    net::Shutdown,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream, time::timeout};

use self::tls::Tls;
use crate::tls::{Pair, Records};

pub(crate) use self::unwatched::Unwatched;

/// Slices of one vectored write. More are rarely there, and the list lies on the stack.
const SLICES: usize = 32;

/// Bytes for which there is room when a head is read on.
const READ_BYTES: usize = 1024;

/// Bytes that a peer may still send while its socket closes.
const LATE_BYTES_MAX: usize = 1024 * 1024;

/// One peer's socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// What it carries is what is meant.
    Plain(TcpStream),
    /// It carries records of TLS. Boxed, so that a plain socket is no larger for it.
    Tls(Box<Tls>),
}

impl Socket {
    /// A socket that speaks TLS, from its first byte.
    pub(crate) fn tls(stream: TcpStream, pair: &Pair) -> io::Result<Self> {
        Ok(Self::Tls(Box::new(Tls::new(stream, Box::new(Records::new(pair)?)))))
    }

    /// Whether it is to speak TLS, and its peer begins with a request in the clear. Waits for the
    /// first byte.
    pub(crate) async fn lacks_tls(&self) -> bool {
        let Self::Tls(tls) = self else { return false };
        let mut first = [0];
        // A method is a word in capitals; no record begins with a letter.
        matches!(tls.stream().peek(&mut first).await, Ok(1) if first[0].is_ascii_uppercase())
    }

    /// The same without TLS, for a peer that has not begun with it.
    pub(crate) fn into_plain(self) -> Self {
        match self {
            Self::Plain(stream) => Self::Plain(stream),
            Self::Tls(tls) => Self::Plain(tls.into_parts().0),
        }
    }

    /// Leaves the thread's care.
    pub(crate) fn unwatch(self) -> io::Result<Unwatched> {
        let (stream, records) = match self {
            Self::Plain(stream) => (stream, None),
            Self::Tls(tls) => {
                let (stream, records) = tls.into_parts();
                (stream, Some(records))
            }
        };
        Ok(Unwatched { stream: stream.into_std()?, records })
    }

    /// Writes several when the socket takes some.
    pub(crate) fn poll_send<'a>(
        &self,
        cx: &mut Context<'_>,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => with_slices(frames, |slices| {
                poll_write(stream, cx, || SockRef::from(stream).send_vectored(slices))
            }),
            Self::Tls(tls) => tls.poll_send(cx, frames),
        }
    }

    /// Writes what was taken.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.poll_flush(cx),
        }
    }

    /// Reads when something is there; 0 at the end.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => poll_read(stream, cx, buffer),
            Self::Tls(tls) => tls.poll_read(cx, buffer),
        }
    }

    /// Whether its peer has gone or says no more, as far as can be seen before what it said is read. With
    /// TLS it cannot have asked for anything before it was answered once.
    pub(crate) fn has_ended(&self) -> bool {
        // What the runtime knows may be older than that.
        let mut next = [MaybeUninit::uninit()];
        match SockRef::from(self.stream()).peek(&mut next) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// Says that nothing more will be written.
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Tls(tls) = self {
            std::task::ready!(tls.poll_end(cx))?;
        }
        Poll::Ready(SockRef::from(self.stream()).shutdown(Shutdown::Write))
    }

    /// Reads some more behind what was read; 0 at the end.
    pub(crate) async fn read_on(&self, said: &mut Vec<u8>) -> io::Result<usize> {
        // Between polls there is nothing in it that was not said: nobody may poll again.
        poll_fn(|cx| {
            let start = said.len();
            said.reserve(READ_BYTES);
            said.resize(said.capacity(), 0);
            let read = self.poll_read(cx, &mut said[start..]);
            let end = match &read {
                Poll::Ready(Ok(read)) => start + read,
                Poll::Ready(Err(_)) | Poll::Pending => start,
            };
            said.truncate(end);
            read
        })
        .await
    }

    /// Writes all of it, when the socket takes it.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = poll_fn(|cx| self.poll_send(cx, std::iter::once(bytes))).await?;
            bytes = &bytes[sent..];
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes the last bytes, says that there are no more, and waits until the peer has closed too:
    /// a socket closed with unread bytes is reset, and takes what was written with it. Whoever does
    /// not close in time is reset.
    pub(crate) async fn close(self, last: &[Bytes], wait: Duration) {
        self.close_unless(last, wait, pending()).await;
    }

    /// The same, unless its place is wanted before: then it is reset.
    pub(crate) async fn close_unless(
        self,
        last: &[Bytes],
        wait: Duration,
        wanted: impl Future<Output = ()>,
    ) {
        let parting = async {
            for bytes in last {
                self.write_all(bytes).await?;
            }
            poll_fn(|cx| self.poll_end(cx)).await?;
            read_to_end(self.stream()).await
        };
        let parted = tokio::select! {
            parted = timeout(wait, parting) => matches!(parted, Ok(Ok(()))),
            () = wanted => false,
        };
        if !parted {
            // Best effort: the socket may be reset already.
            SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).ok();
        }
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => tls.stream(),
        }
    }
}

/// Reads what is there, as it is on the wire.
fn poll_read(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        std::task::ready!(stream.poll_read_ready(cx))?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return Poll::Ready(read),
        }
    }
}

/// Writes when the socket takes some.
fn poll_write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    write: impl Fn() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        std::task::ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(Interest::WRITABLE, &write) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// What still comes is not looked at.
async fn read_to_end(stream: &TcpStream) -> io::Result<()> {
    let (mut scrap, mut late) = ([0; 1024], 0);
    while late < LATE_BYTES_MAX {
        match poll_fn(|cx| poll_read(stream, cx, &mut scrap)).await? {
            0 => return Ok(()),
            read => late += read,
        }
    }
    Err(ErrorKind::InvalidData.into())
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

// The data plane's plain sockets pay nothing for those that speak TLS.
const _: () = assert!(size_of::<Socket>() == size_of::<TcpStream>());
