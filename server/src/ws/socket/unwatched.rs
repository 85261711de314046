//! Unwatched: a socket that the runtime does not watch.
//!
//! Such it is on its way from one thread to another, and for all the time in which it is a session's:
//! then its shard is told that it is ready, and asks it. What the runtime keeps for a socket that it
//! watches is more than all that a shard keeps.

use std::{
    io::{self, ErrorKind, IoSlice, Read},
    os::fd::{AsRawFd, RawFd},
    task::{Poll, ready},
};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::{Socket, none_if_full, sealed, tls::Tls, with_slices};
use crate::tls::Records;

/// A socket that the runtime does not watch. No call waits.
#[derive(Debug)]
pub(crate) struct Unwatched {
    pub(super) stream: std::net::TcpStream,
    pub(super) records: Option<Box<Records>>,
}

impl Unwatched {
    /// Comes into the care of the runtime of the thread that asks.
    pub(crate) fn watch(self) -> io::Result<Socket> {
        let stream = TcpStream::from_std(self.stream)?;
        Ok(match self.records {
            None => Socket::Plain(stream),
            Some(records) => Socket::Tls(Box::new(Tls::new(stream, records))),
        })
    }

    /// Writes a frame; returns how much of it the socket took.
    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<usize> {
        let socket = SockRef::from(&self.stream);
        match &mut self.records {
            None => none_if_full(socket.send(frame)),
            Some(records) => sealed::send(&socket, records, std::iter::once(frame)),
        }
    }

    /// Writes several; returns how much of them the socket took.
    pub(crate) fn send_all<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<usize> {
        let socket = SockRef::from(&self.stream);
        match &mut self.records {
            None => with_slices(frames, |slices: &[IoSlice<'_>]| {
                none_if_full(socket.send_vectored(slices))
            }),
            Some(records) => sealed::send(&socket, records, frames),
        }
    }

    /// Whether something that was taken has yet to be written.
    pub(crate) fn owes(&self) -> bool {
        self.records.as_ref().is_some_and(|records| !records.owed().is_empty())
    }

    /// Writes what was taken, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.records {
            None => Ok(()),
            Some(records) => sealed::pay(&SockRef::from(&self.stream), records).map(drop),
        }
    }

    /// Reads what is there, if there is something; 0 at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let stream = &mut self.stream;
        let Some(records) = &mut self.records else { return read(stream, buffer) };
        loop {
            if let Some(read) = records.read(buffer) {
                return Poll::Ready(
                    read.inspect_err(|error| tracing::debug!(%error, "TLS broke off")),
                );
            }
            let read = ready!(sealed::receive(records, buffer, |came| read(stream, came)))?;
            // What came of it is written before anything is said of it: it may be the last.
            sealed::pay(&SockRef::from(&*stream), records).ok();
            if let Some(read) = read {
                return Poll::Ready(Ok(read));
            }
        }
    }

    /// Whether there is something to be read that came before.
    pub(crate) fn has_unread(&self) -> bool {
        self.records.as_ref().is_some_and(|records| records.has_unread())
    }

    /// Whether a read of this much, with room for that much, shows that nothing more is there.
    pub(crate) fn is_drained_by(&self, read: usize, room: usize) -> bool {
        self.records.is_none() && read < room
    }
}

impl AsRawFd for Unwatched {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn read(stream: &mut std::net::TcpStream, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return Poll::Ready(read),
        }
    }
}
