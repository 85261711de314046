//! Ceiling: what sending alone costs on this machine, without a server around it.
//!
//! One thread sends frames of the same size to as many loopback sockets, one call for each, while
//! another reads them all. No server that sends each frame by a call of its own can be cheaper.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token};

use super::{clock::Clock, process};
use crate::failure::Failure;

/// Rounds that may be unread while the next is sent, so that no buffer fills up.
const ROUNDS_AHEAD: u64 = 2;

/// Time for which the sending is measured, and for which it is done before that.
const MEASURED: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);

/// Bytes of the buffer into which all sockets are read.
const BUFFER_BYTES: usize = 1 << 18;

/// How long the sender sleeps before it looks again whether the readers have caught up.
const NAP: Duration = Duration::from_micros(200);

/// How long the readers may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What sending alone cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ceiling {
    /// Sockets that were sent to.
    pub(super) sockets: usize,
    /// Microseconds of a processor for each call.
    pub(super) us_each: f64,
}

/// Measures it with so many sockets and frames of so many bytes.
pub(super) fn measure(sockets: usize, frame_bytes: usize) -> Result<Ceiling, Failure> {
    process::room_for(2 * sockets)?;
    let (mut senders, receivers) = pairs(sockets).map_err(Failure::failed)?;
    let (read, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (read, stop) = (Arc::clone(&read), Arc::clone(&stop));
        thread::spawn(move || drain(receivers, &read, &stop))
    };
    let us_each = send(&mut senders, frame_bytes, &read);
    stop.store(true, Ordering::Relaxed);
    match reader.join() {
        Ok(drained) => drained.map_err(Failure::failed)?,
        Err(_) => return Err(Failure::failed("the reading thread ended early")),
    }
    Ok(Ceiling { sockets, us_each: us_each? })
}

fn pairs(count: usize) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let receiver = TcpStream::connect(address)?;
        let (sender, _) = listener.accept()?;
        sender.set_nodelay(true)?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        senders.push(sender);
        receivers.push(receiver);
    }
    Ok((senders, receivers))
}

/// Reads all that comes, and counts it.
fn drain(receivers: Vec<TcpStream>, read: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut receivers: Vec<_> = receivers.into_iter().map(mio::net::TcpStream::from_std).collect();
    for (token, receiver) in receivers.iter_mut().enumerate() {
        poll.registry().register(receiver, Token(token), Interest::READABLE)?;
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; BUFFER_BYTES]);
    while !stop.load(Ordering::Relaxed) {
        poll.poll(&mut events, Some(Duration::ZERO))?;
        let mut bytes = 0;
        for event in &events {
            match receivers[event.token().0].read(&mut buffer) {
                Ok(read) => bytes += u64::try_from(read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        read.fetch_add(bytes, Ordering::Relaxed);
    }
    Ok(())
}

/// Sends rounds to all, and tells what each call cost.
fn send(senders: &mut [TcpStream], frame_bytes: usize, read: &AtomicU64) -> Result<f64, Failure> {
    let frame = vec![b'x'; frame_bytes];
    let round = u64::try_from(frame_bytes * senders.len()).unwrap_or(u64::MAX);
    let clock = Clock::start();
    let mut sent = 0_u64;
    let mut start = None;
    loop {
        let now = clock.now();
        match start {
            None if now > WARM_UP => start = Some((process::thread_cpu()?, sent)),
            Some((before, rounds)) if now > WARM_UP + MEASURED => {
                let spent = process::thread_cpu()? - before;
                let calls = (sent - rounds) as f64 * senders.len() as f64;
                return Ok(spent.as_secs_f64() * 1e6 / calls);
            }
            None | Some(_) => {}
        }
        for sender in &mut *senders {
            let written = sender.write(&frame).map_err(Failure::failed)?;
            if written < frame_bytes {
                return Err(Failure::failed("a socket took only a part of a small frame"));
            }
        }
        sent += 1;
        // A thread that sleeps uses no processor, so that the waiting is not counted in.
        while read.load(Ordering::Relaxed) + ROUNDS_AHEAD * round < sent * round {
            if clock.now() > now + PATIENCE {
                return Err(Failure::failed("what was sent is not read"));
            }
            thread::sleep(NAP);
        }
    }
}

#[cfg(test)]
mod tests;
