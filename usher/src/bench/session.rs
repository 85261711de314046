//! Session: the load's end of one, from its handshake to its close frame.

use std::io;

use mio::{Registry, Token, event::Event as Ready};
use protocol::{
    CONNECT_PATH, SUBPROTOCOL,
    frame::{Closing, Welcome},
    id::{ResumeToken, Ticket},
    position::Position,
};

use super::{
    answer,
    event::{End, Event},
    socket::{Came, Network, Socket},
    target::Target,
    wire::{self, Frame},
};
use crate::failure::Failure;

/// How frames begin that are answered or looked into here.
const WELCOME: &[u8] = br#"{"type":"welcome""#;
const CLOSING: &[u8] = br#"{"type":"closing""#;
const PING: &[u8] = br#"{"type":"ping"}"#;
const PONG: &[u8] = br#"{"type":"pong"}"#;

/// By what a session is let in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    Ticket(Ticket),
    /// A session that lost its socket, and the last position that it saw.
    Resume(ResumeToken, Position),
}

/// A session's socket.
#[derive(Debug)]
pub(super) struct Session {
    socket: Socket,
    phase: Phase,
    /// Whether what comes is left unread.
    is_deaf: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The handshake was not answered yet.
    Shaking,
    Open,
    /// The server has said that it will close, and when to come back.
    Closing(Option<u64>),
}

/// Whether there will be more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Ended,
}

impl Session {
    /// Begins to connect.
    pub(super) fn open(
        target: &Target,
        proof: Proof,
        number: u32,
        network: Network,
    ) -> io::Result<Self> {
        let mut socket = Socket::open(target, number, network)?;
        let proof = match proof {
            Proof::Ticket(ticket) => format!("ticket.{ticket}"),
            Proof::Resume(token, after) => format!("resume.{token}, after.{after}"),
        };
        let handshake = format!(
            "GET {CONNECT_PATH} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}, {proof}\r\n\r\n",
            target.host,
            wire::NONCE
        );
        socket.write(handshake.as_bytes());
        Ok(Self { socket, phase: Phase::Shaking, is_deaf: false })
    }

    /// From now on `token` is told when there is something to do.
    pub(super) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.watch(registry, token)
    }

    /// Sends a frame.
    pub(super) fn say(&mut self, text: &[u8]) {
        let mut frame = Vec::with_capacity(text.len() + 14);
        wire::text(text, &mut frame);
        self.socket.write(&frame);
    }

    /// Leaves what comes unread.
    pub(super) fn stop_reading(&mut self) {
        self.is_deaf = true;
        self.socket.hold_little();
    }

    /// Reads on.
    pub(super) fn read_on(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.is_deaf = false;
        self.socket.hold_much();
        self.socket.watch_again(registry, token)
    }

    /// Goes away without a word.
    pub(super) fn reset(self) {
        self.socket.reset();
    }

    /// Does what its socket is ready for, and tells what came.
    pub(super) fn ready(
        &mut self,
        name: usize,
        ready: &Ready,
        buffer: &mut [u8],
        told: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<Fate, Failure> {
        self.socket.flush();
        if self.is_deaf {
            return Ok(Fate::Stays);
        }
        // Until there is nothing, since nobody will tell again that there is.
        loop {
            match self.socket.read(buffer) {
                Came::Bytes { bytes, is_all } => {
                    if self.take(name, bytes, told)? == Fate::Ended {
                        return Ok(Fate::Ended);
                    }
                    if is_all && !ready.is_read_closed() {
                        return Ok(Fate::Stays);
                    }
                }
                Came::Nothing => return Ok(Fate::Stays),
                Came::End => return self.ended(name, None, told),
            }
        }
    }

    fn take(
        &mut self,
        name: usize,
        mut bytes: &[u8],
        told: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<Fate, Failure> {
        if matches!(self.phase, Phase::Shaking) {
            let Some(answer) = answer::read(bytes)? else {
                self.socket.keep(bytes);
                return Ok(Fate::Stays);
            };
            if answer.status != 101 {
                return self.ended(name, Some(answer.status), told);
            }
            if !answer.head.windows(wire::ACCEPT.len()).any(|part| part == wire::ACCEPT) {
                return Err(answer::Malformed.into());
            }
            self.phase = Phase::Open;
            bytes = &bytes[answer.length..];
        }
        while let Some((frame, length)) = wire::read(bytes)? {
            match frame {
                Frame::Text(text) => self.text(name, text, told)?,
                Frame::Close(code) => return self.ended(name, code, told),
                Frame::Other => {}
            }
            bytes = &bytes[length..];
        }
        self.socket.keep(bytes);
        Ok(Fate::Stays)
    }

    fn text(
        &mut self,
        name: usize,
        text: &[u8],
        told: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if text == PING {
            self.say(PONG);
        } else if text.starts_with(WELCOME) {
            let welcome: Welcome = serde_json::from_slice(text).map_err(Failure::failed)?;
            told(Event::Welcomed { session: name, welcome: &welcome })?;
        } else if text.starts_with(CLOSING) {
            let closing: Closing = serde_json::from_slice(text).map_err(Failure::failed)?;
            self.phase = Phase::Closing(closing.retry_ms);
        } else {
            told(Event::Text { session: name, text })?;
        }
        Ok(())
    }

    fn ended(
        &self,
        name: usize,
        code: Option<u16>,
        told: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<Fate, Failure> {
        let retry_ms = match self.phase {
            Phase::Closing(retry_ms) => retry_ms,
            Phase::Shaking | Phase::Open => None,
        };
        told(Event::Closed { session: name, end: End { code, retry_ms } })?;
        Ok(Fate::Ended)
    }
}
