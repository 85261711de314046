//! Socket: one of the load's many, which never waits.
//!
//! Bytes are read into a buffer that all of them share; a socket keeps only what was cut off, and
//! what it could not write yet.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use mio::{Interest, Registry, Token, net::TcpStream};
use socket2::{Domain, SockRef, Socket as Raw, Type};

use super::{target::Target, tls::Seal};

/// Source addresses that are used in turn. With few, the operating system would look long for a
/// port that is free, even before there is none.
const ADDRESSES: u32 = 100;

/// Bytes that the operating system holds of what is not read: little for a slow reader, and much
/// again when it reads on.
const HELD_LITTLE: usize = 4096;
const HELD_MUCH: usize = 1 << 20;

/// The largest segment where a network is to be like one, and not like loopback, on which a sender
/// is allowed megabytes that nobody has read.
const SEGMENT_BYTES: u32 = 536;

/// A socket that is open, or about to be.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// What encrypts it, if anything does.
    seal: Option<Seal>,
    /// The front of something that is not whole yet.
    cut_off: Vec<u8>,
    unsent: Vec<u8>,
    /// Whether a write has failed for good.
    is_lost: bool,
}

/// What a read found.
#[derive(Debug)]
pub(super) enum Came<'b> {
    /// What there is so far.
    Bytes {
        bytes: &'b [u8],
        /// Whether there was room for more, so that nothing more can be waiting.
        is_all: bool,
    },
    Nothing,
    /// The other side has closed, or is gone.
    End,
}

/// What a socket's packets are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// What there is.
    Real,
    /// Small segments, as on the way to a phone.
    Narrow,
}

impl Socket {
    /// Begins to open the one with this number. On loopback it comes from one of many addresses, so
    /// that ports last.
    pub(super) fn open(target: &Target, number: u32, network: Network) -> io::Result<Self> {
        let to = target.address;
        let seal = target.trust.as_ref().map(|trust| Seal::open(trust, to)).transpose()?;
        let raw = Raw::new(Domain::for_address(to), Type::STREAM, None)?;
        raw.set_nonblocking(true)?;
        raw.set_tcp_nodelay(true)?;
        if network == Network::Narrow {
            raw.set_tcp_mss(SEGMENT_BYTES)?;
        }
        if to.ip().is_loopback() && to.is_ipv4() {
            raw.bind(&SocketAddr::from((source(number), 0)).into())?;
        }
        match raw.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_std(raw.into());
        Ok(Self { stream, seal, cut_off: Vec::new(), unsent: Vec::new(), is_lost: false })
    }

    /// From now on `token` is told when there is something to do.
    pub(super) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The same again, so that what was not looked at is told anew.
    pub(super) fn watch_again(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.reregister(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Writes what can be written, and keeps the rest for later.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        match &mut self.seal {
            Some(seal) => self.is_lost |= seal.write(bytes).is_err(),
            None => self.unsent.extend_from_slice(bytes),
        }
        self.flush();
    }

    /// Writes what was kept. Whether the other side is gone shows when it is read from.
    pub(super) fn flush(&mut self) {
        if let Some(seal) = &mut self.seal {
            self.is_lost |= seal.flush(&mut self.stream).is_err();
            return;
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.is_lost = true;
                    break;
                }
            }
        }
    }

    /// Reads what there is, behind what was cut off.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Came<'b> {
        let kept = self.cut_off.len();
        buffer[..kept].copy_from_slice(&self.cut_off);
        let room = &mut buffer[kept..];
        let read = match &mut self.seal {
            Some(seal) => seal.read(&mut self.stream, room),
            None => self.stream.read(room),
        };
        match read {
            Ok(0) => Came::End,
            Ok(read) => {
                self.cut_off.clear();
                let bytes = &buffer[..kept + read];
                // Of what is encrypted more may wait, in the seal or before it.
                let is_all = self.seal.is_none() && bytes.len() < buffer.len();
                Came::Bytes { bytes, is_all }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && !self.is_lost => Came::Nothing,
            Err(_) => Came::End,
        }
    }

    /// Keeps the front of something that is not whole yet.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.cut_off.extend_from_slice(rest);
    }

    /// From now on the operating system holds little of what is not read.
    pub(super) fn hold_little(&self) {
        // If it is gone already, there is nothing to hold.
        SockRef::from(&self.stream).set_recv_buffer_size(HELD_LITTLE).ok();
    }

    /// From now on it holds much again.
    pub(super) fn hold_much(&self) {
        SockRef::from(&self.stream).set_recv_buffer_size(HELD_MUCH).ok();
    }

    /// Goes away without a word, as a machine that lost its power. Its port is free at once.
    pub(super) fn reset(self) {
        // If it is gone already, so much the better.
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).ok();
    }
}

/// `EINPROGRESS` of Linux: the socket will tell when it is open.
const IN_PROGRESS: i32 = 115;

fn source(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 2)) + number % ADDRESSES)
}
