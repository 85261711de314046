//! Seat: where a session's socket sits in its shard, and what is done when it is ready.

use std::{cell::RefCell, io, rc::Rc, sync::Arc, task::Poll};

use bytes::Bytes;
use kernel::{
    moment::Moment,
    shard::{Closing, Input, NO_CODE, Slot, Violation},
};
use protocol::{frame, limit};
use tokio::task::spawn_local;

use super::{
    Local,
    watch::{Change, Watch},
};
use crate::ws::{
    codec::{Decoder, Event, Opcode, Step, encode},
    socket::Unwatched,
};

/// Sockets that are served before others get their turn.
const SERVED_AT_ONCE: usize = 64;

/// Frames of one socket that are dealt with in one turn. Small ones cost far more than their bytes.
const FRAMES_AT_ONCE: usize = 64;

/// One socket. What is rare is boxed or empty, since there is one for each session.
#[derive(Debug)]
pub(super) struct Seat {
    slot: Slot,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// None when it is gone, or is being closed.
    socket: Option<Unwatched>,
    decoder: Decoder,
    /// Bytes that wait until the session takes frames again.
    #[expect(
        clippy::box_collection,
        reason = "eight bytes while nothing is held, as nearly always"
    )]
    held: Option<Box<Vec<u8>>>,
    /// Until when the message that is being received must be whole; never, if there is none.
    unfinished_until: Moment,
    /// Something may be there that was not read.
    is_readable: bool,
    /// Behind that there is the end.
    ends: bool,
    /// It is to be served.
    is_due: bool,
}

impl State {
    fn new(socket: Unwatched, early: Vec<u8>) -> Self {
        let is_readable = socket.has_unread();
        Self {
            socket: Some(socket),
            decoder: Decoder::default(),
            held: (!early.is_empty()).then(|| Box::new(early)),
            unfinished_until: Moment::NEVER,
            is_readable,
            ends: false,
            is_due: false,
        }
    }

    /// Without it what came of a message is of no use, and the seat may be held for a while.
    fn take_socket(&mut self) -> Option<Unwatched> {
        (self.decoder, self.held) = (Decoder::default(), None);
        self.socket.take()
    }
}

impl Seat {
    pub(super) fn new(slot: Slot, socket: Unwatched, early: Vec<u8>) -> Self {
        Self { slot, state: RefCell::new(State::new(socket, early)) }
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot
    }

    /// Does something with the socket, if it is still the session's.
    pub(super) fn socket<T>(&self, act: impl FnOnce(&mut Unwatched) -> T) -> Option<T> {
        self.state.borrow_mut().socket.as_mut().map(act)
    }

    pub(super) fn take_socket(&self) -> Option<Unwatched> {
        self.state.borrow_mut().take_socket()
    }

    pub(super) fn is_unfinished_since_before(&self, until: Moment) -> bool {
        self.state.borrow().unfinished_until == until
    }

    /// Reads when something may be there; 0 at the end.
    fn read(&self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        let State { socket: Some(socket), is_readable: is_readable @ true, ends, .. } = &mut *state
        else {
            return Poll::Pending;
        };
        let read = socket.read(buffer);
        *is_readable = match &read {
            Poll::Pending => false,
            Poll::Ready(Ok(read)) => *ends || !socket.is_drained_by(*read, buffer.len()),
            Poll::Ready(Err(_)) => true,
        };
        read
    }

    fn is_session(&self) -> bool {
        self.state.borrow().socket.is_some()
    }

    fn has_more(&self) -> bool {
        let state = self.state.borrow();
        state.is_readable || state.held.is_some()
    }
}

impl Local {
    /// Serves sockets that are ready, and those that something waits for.
    pub(crate) async fn attend(self: Rc<Self>, mut watch: Watch) {
        loop {
            let is_idle = self.due.borrow().is_empty();
            let noted = match is_idle {
                true => tokio::select! {
                    () = self.woken.notified() => Ok(()),
                    changes = watch.changes() => changes.map(|changes| self.note(changes)),
                },
                false => watch.changes_now().map(|changes| self.note(changes)),
            };
            // Without it no session here would be heard any more.
            noted.expect("a list that is open can be looked at");
            for _ in 0..SERVED_AT_ONCE {
                let Some(seat) = self.due.borrow_mut().pop_front() else { break };
                self.serve(&seat);
            }
            // Sockets may be ready without end; others want their turn too.
            tokio::task::yield_now().await;
        }
    }

    fn note(&self, changes: impl Iterator<Item = Change>) {
        for Change { index, is_readable, ends } in changes {
            // What was ready a moment ago may be gone, or be another by now: that one looks in vain.
            let Some(seat) = self.seats.borrow().get(index).cloned().flatten() else { continue };
            let mut state = seat.state.borrow_mut();
            state.is_readable |= is_readable;
            state.ends |= ends;
            drop(state);
            self.wake(&seat);
        }
    }

    /// There is something for the socket, or it has something.
    pub(super) fn wake(&self, seat: &Rc<Seat>) {
        if !std::mem::replace(&mut seat.state.borrow_mut().is_due, true) {
            self.due.borrow_mut().push_back(Rc::clone(seat));
            self.woken.notify_one();
        }
    }

    /// What the socket took and did not write is to be written, even where no outbox waits.
    pub(super) fn mind_what_it_owes(&self, seat: &Rc<Seat>) {
        if seat.socket(|socket| socket.owes()) == Some(true) {
            self.wake(seat);
        }
    }

    /// The session is over; what is left is to close its socket.
    pub(super) fn part(&self, seat: &Seat, closing: &Closing) {
        let Some(socket) = seat.take_socket() else { return };
        let mut last: Vec<Bytes> = match &closing.outbox {
            Some(outbox) => outbox.slices().map(Bytes::copy_from_slice).collect(),
            None => Vec::new(),
        };
        last.push(match closing.code {
            // An empty close is answered with an empty one.
            NO_CODE => encode::frame(Opcode::Close, b""),
            code => encode::close(code, closing.reason),
        });
        let node = Arc::clone(&self.node);
        let socket = self.watched.remove(&socket).and_then(|()| socket.watch());
        spawn_local(async move {
            match socket {
                Ok(socket) => socket.close(&last, limit::CLOSE_WAIT).await,
                Err(error) => tracing::error!(%error, "a socket cannot be closed in order"),
            }
            node.give_room_back();
        });
    }

    /// One look at a socket, as a turn of its own. Others get theirs before the next.
    fn serve(self: &Rc<Self>, seat: &Rc<Seat>) {
        seat.state.borrow_mut().is_due = false;
        if !seat.is_session() {
            return;
        }
        self.mind_slot(seat.slot);
        let (wrote, read) = (self.write_on(seat), self.read_on(seat));
        self.finish_turn();
        if wrote || read && seat.has_more() {
            self.wake(seat);
        }
    }

    /// Writes what waits, as far as the socket takes it; tells whether it took some.
    fn write_on(self: &Rc<Self>, seat: &Seat) -> bool {
        if self.is_frozen(seat.slot) {
            return false;
        }
        let sent = self.kernel.borrow().outbox(seat.slot).map(|outbox| {
            let send = |socket: &mut Unwatched| socket.send_all(outbox.slices());
            seat.socket(send)
        });
        match sent {
            Some(Some(Ok(sent))) => {
                self.give(Input::Took(seat.slot, sent));
                sent > 0
            }
            Some(Some(Err(_)) | None) => {
                self.lose(seat.slot);
                false
            }
            None => {
                if let Some(Err(_)) = seat.socket(Unwatched::flush) {
                    self.lose(seat.slot);
                }
                false
            }
        }
    }

    /// Deals with what came, when the session takes frames; tells whether something had come.
    fn read_on(self: &Rc<Self>, seat: &Rc<Seat>) -> bool {
        if !self.kernel.borrow().takes_frames(seat.slot) {
            return false;
        }
        let held = seat.state.borrow_mut().held.take();
        if let Some(mut held) = held {
            self.receive(seat, &mut held);
            return true;
        }
        let mut buffer = self.buffer.borrow_mut();
        match seat.read(&mut buffer) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0) | Err(_)) => self.lose(seat.slot),
            Poll::Ready(Ok(read)) => self.receive(seat, &mut buffer[..read]),
        }
        true
    }

    /// Takes some frames out of what came, as long as the session takes them.
    fn receive(self: &Rc<Self>, seat: &Rc<Seat>, mut bytes: &mut [u8]) {
        let (mut completed, mut frames) = (false, 0);
        loop {
            self.mind_slot(seat.slot);
            if frames == FRAMES_AT_ONCE || !self.kernel.borrow().takes_frames(seat.slot) {
                if !bytes.is_empty() {
                    let held = &mut seat.state.borrow_mut().held;
                    held.get_or_insert_default().extend_from_slice(bytes);
                }
                break;
            }
            let step =
                seat.state.borrow_mut().decoder.next(std::mem::take(&mut bytes), &self.bounds);
            let input = match step {
                Ok(Step::More) => break,
                Ok(Step::Event { event, rest }) => {
                    bytes = rest;
                    completed |= matches!(event, Event::Text(_) | Event::Binary(_));
                    input(seat.slot, event)
                }
                Err(failure) => {
                    let (code, reason) = (failure.code(), failure.reason());
                    Input::Violation(seat.slot, Violation { code, reason })
                }
            };
            frames += 1;
            self.give(input);
            if !seat.is_session() {
                return;
            }
        }
        self.note_unfinished(seat, completed);
    }

    /// A message must be whole in time, however its bytes trickle.
    pub(super) fn note_unfinished(&self, seat: &Rc<Seat>, completed: bool) {
        let mut state = seat.state.borrow_mut();
        if !state.decoder.unfinished() {
            state.unfinished_until = Moment::NEVER;
        } else if completed || state.unfinished_until == Moment::NEVER {
            let until = self.now().after(self.node.config().limits.message_wait);
            state.unfinished_until = until;
            self.unfinished.borrow_mut().push_back((until, Rc::clone(seat)));
        }
    }
}

fn input(slot: Slot, event: Event<'_>) -> Input {
    match event {
        Event::Text(text) => Input::Frame(slot, Box::new(frame::read(&text))),
        Event::Binary(_) => {
            Input::Violation(slot, Violation { code: 1003, reason: "text frames only" })
        }
        Event::Ping(payload) => Input::Ping(slot, pong(&payload)),
        Event::Pong(_) => Input::Pong(slot),
        Event::Close(close) => Input::Left(slot, close.map(|close| close.code)),
    }
}

fn pong(payload: &[u8]) -> Bytes {
    encode::frame(Opcode::Pong, payload)
}

#[cfg(test)]
mod tests;
