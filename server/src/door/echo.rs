//! Echo: an endpoint that sends back what it gets, for suites that test the protocol.
//!
//! The same handshake, decoder and closing as sessions have; no ticket and no session. Behind a
//! feature, so that no release has it.

use std::{borrow::Cow, future::poll_fn};

use bytes::Bytes;

use super::leaving::Leaving;
use crate::{
    answer::Refusal,
    ws::{
        codec::{Bounds, Decoder, Event, Opcode, Step, encode},
        handshake,
        socket::Socket,
    },
};

/// The suites send what no session may: 16 MiB in one frame, or in as many fragments of 64 bytes.
const BOUNDS: Bounds = Bounds {
    frame_bytes: 16 * 1024 * 1024,
    message_bytes: 16 * 1024 * 1024,
    fragments: 256 * 1024,
};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Serves one peer until it closes or breaks the rules.
pub(super) async fn serve(socket: Socket, head: &[u8], early: Vec<u8>) -> Option<Leaving> {
    let ask = match handshake::read(head) {
        Ok(ask) => ask,
        Err(no) => return Some(Leaving::refused(Refusal::new(no.code, no.detail), socket)),
    };
    let switching = handshake::switching(&ask.accept, ask.speaks_usher);
    socket.write_all(switching.as_bytes()).await.ok()?;
    let last = exchange(&socket, early).await?;
    Some(Leaving::after(vec![last], socket))
}

/// Echoes until there is a last frame to send, or nobody to send it to.
async fn exchange(socket: &Socket, early: Vec<u8>) -> Option<Bytes> {
    let (mut decoder, mut buffer) = (Decoder::default(), early);
    loop {
        let mut bytes = buffer.as_mut_slice();
        loop {
            match decoder.next(std::mem::take(&mut bytes), &BOUNDS) {
                Ok(Step::More) => break,
                Ok(Step::Event { event, rest }) => {
                    bytes = rest;
                    match answer(event) {
                        Answer::Frame(frame) => socket.write_all(&frame).await.ok()?,
                        Answer::Nothing => {}
                        Answer::Last(frame) => return Some(frame),
                    }
                }
                Err(failure) => return Some(encode::close(failure.code(), failure.reason())),
            }
        }
        buffer.resize(READ_BYTES, 0);
        let read = poll_fn(|cx| socket.poll_read(cx, &mut buffer)).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.truncate(read);
    }
}

enum Answer {
    Frame(Bytes),
    Nothing,
    Last(Bytes),
}

fn answer(event: Event<'_>) -> Answer {
    let frame = |opcode, payload: Cow<'_, [u8]>| Answer::Frame(encode::frame(opcode, &payload));
    match event {
        Event::Text(text) => Answer::Frame(encode::frame(Opcode::Text, text.as_bytes())),
        Event::Binary(payload) => frame(Opcode::Binary, payload),
        Event::Ping(payload) => frame(Opcode::Pong, payload),
        Event::Pong(_) => Answer::Nothing,
        Event::Close(None) => Answer::Last(encode::frame(Opcode::Close, b"")),
        Event::Close(Some(close)) => Answer::Last(encode::close(close.code, &close.reason)),
    }
}
