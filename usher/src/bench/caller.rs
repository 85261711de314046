//! Caller: an HTTP socket on which calls are made, one after another.

use std::{io, time::Duration};

use mio::{Registry, Token};

use super::{
    answer,
    event::Event,
    socket::{Came, Network, Socket},
    target::Target,
};
use crate::failure::{Failure, Kind};

/// Silence after which another socket is taken: the server may be about to close this one.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// One that makes calls. Its socket is opened when it is needed.
#[derive(Debug, Default)]
pub(super) struct Caller {
    socket: Option<Socket>,
    is_busy: bool,
    /// When its last call was made.
    called: Duration,
}

/// A call of the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

impl<'a> Call<'a> {
    /// A call that brings something.
    pub(super) fn post(path: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", path, body }
    }
}

impl Caller {
    /// Whether it waits for an answer.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Whether another socket has to be opened before the next call.
    pub(super) fn needs_socket(&self, now: Duration) -> bool {
        self.socket.is_none() || now.saturating_sub(self.called) > IDLE_MAX
    }

    /// Opens one.
    pub(super) fn open(
        &mut self,
        target: &Target,
        number: u32,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let mut socket = Socket::open(target, number, Network::Real)?;
        socket.watch(registry, token)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Makes a call on the socket that was opened.
    pub(super) fn call(&mut self, target: &Target, call: Call<'_>, now: Duration) {
        let Call { method, path, body } = call;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            target.host,
            target.authorization,
            body.len()
        );
        if let Some(socket) = &mut self.socket {
            socket.write(&[head.as_bytes(), body].concat());
            self.is_busy = true;
            self.called = now;
        }
    }

    /// Does what its socket is ready for, and tells the answer when it is there.
    pub(super) fn ready(
        &mut self,
        number: usize,
        buffer: &mut [u8],
        told: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(socket) = &mut self.socket {
            socket.flush();
            match socket.read(buffer) {
                Came::Bytes { bytes, .. } => {
                    let answer = answer::read(bytes)?;
                    let Some(answer) = answer else {
                        socket.keep(bytes);
                        continue;
                    };
                    self.is_busy = false;
                    let (status, body) = (answer.status, answer.body);
                    told(Event::Answered { caller: number, status, body })?;
                }
                Came::Nothing => return Ok(()),
                Came::End if self.is_busy => {
                    let text = "the server gave no answer and closed the socket; is it running?";
                    return Err(Failure::new(Kind::Unreachable, text));
                }
                Came::End => self.socket = None,
            }
        }
        Ok(())
    }
}
