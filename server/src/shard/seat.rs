//! Seat: where a session's socket sits in its shard, and the task that listens to it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use kernel::{
    moment::Moment,
    shard::{Closing, Input, NO_CODE, Slot, Violation},
};
use protocol::{frame, limit};
use tokio::task::spawn_local;

use super::Local;
use crate::ws::{
    codec::{Decoder, Event, Opcode, Step, encode},
    socket::Socket,
};

/// What a socket is there for.
#[derive(Debug)]
enum Use {
    /// Its session's frames.
    Session(Socket),
    /// To be closed.
    Closing(Box<Last>),
    /// Nothing: it is gone.
    Gone,
}

/// A socket that is to be closed, and its last bytes.
#[derive(Debug)]
struct Last {
    socket: Socket,
    bytes: Vec<Bytes>,
}

/// One socket. What is rare is boxed or empty, since there is one for each session.
#[derive(Debug)]
pub(super) struct Seat {
    slot: Slot,
    state: RefCell<Use>,
    waker: RefCell<Option<Waker>>,
    decoder: RefCell<Decoder>,
    /// Bytes that wait until the session takes frames again.
    #[expect(
        clippy::box_collection,
        reason = "eight bytes while nothing is held, as nearly always"
    )]
    held: RefCell<Option<Box<Vec<u8>>>>,
    /// Until when the message that is being received must be whole; never, if there is none.
    unfinished_until: Cell<Moment>,
}

impl Seat {
    pub(super) fn new(slot: Slot, socket: Socket, early: Vec<u8>) -> Self {
        Self {
            slot,
            state: RefCell::new(Use::Session(socket)),
            waker: RefCell::new(None),
            decoder: RefCell::new(Decoder::default()),
            held: RefCell::new((!early.is_empty()).then(|| Box::new(early))),
            unfinished_until: Cell::new(Moment::NEVER),
        }
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// What the socket took and did not write is for its task, even where no outbox waits.
    pub(super) fn mind_what_it_owes(&self) {
        if self.socket(Socket::owes) == Some(true) {
            self.wake();
        }
    }

    /// Does something with the socket, if it is still the session's.
    pub(super) fn socket<T>(&self, act: impl FnOnce(&Socket) -> T) -> Option<T> {
        match &*self.state.borrow() {
            Use::Session(socket) => Some(act(socket)),
            Use::Closing(_) | Use::Gone => None,
        }
    }

    /// The session is over; its task closes the socket.
    pub(super) fn close(&self, closing: &Closing) {
        let mut state = self.state.borrow_mut();
        if let Use::Session(socket) = std::mem::replace(&mut *state, Use::Gone) {
            let mut last: Vec<Bytes> = match &closing.outbox {
                Some(outbox) => outbox.slices().map(Bytes::copy_from_slice).collect(),
                None => Vec::new(),
            };
            last.push(match closing.code {
                // An empty close is answered with an empty one.
                NO_CODE => encode::frame(Opcode::Close, b""),
                code => encode::close(code, closing.reason),
            });
            *state = Use::Closing(Box::new(Last { socket, bytes: last }));
        }
        drop(state);
        self.wake();
    }

    pub(super) fn drop_socket(&self) {
        *self.state.borrow_mut() = Use::Gone;
        self.wake();
    }

    pub(super) fn is_unfinished_since_before(&self, until: Moment) -> bool {
        self.unfinished_until.get() == until
    }

    fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn is_session(&self) -> bool {
        matches!(&*self.state.borrow(), Use::Session(_))
    }
}

impl Local {
    /// The task of one socket: listens as long as it is a session's, then closes it.
    pub(super) async fn attend(self: Rc<Self>, seat: Rc<Seat>) {
        std::future::poll_fn(|cx| self.listen(&seat, cx)).await;
        // A task of its own: for all its life this one would be as large as its largest part.
        spawn_local(self.part(seat));
    }

    async fn part(self: Rc<Self>, seat: Rc<Seat>) {
        if let Use::Closing(last) = seat.state.replace(Use::Gone) {
            let Last { socket, bytes } = *last;
            socket.close(&bytes, limit::CLOSE_WAIT).await;
        }
        self.node.give_room_back();
    }

    fn listen(self: &Rc<Self>, seat: &Rc<Seat>, cx: &mut Context<'_>) -> Poll<()> {
        seat.listen(cx);
        while seat.is_session() {
            self.mind_slot(seat.slot);
            let wrote = self.write_on(seat, cx);
            let read = self.read_on(seat, cx);
            self.finish_turn();
            if wrote.is_pending() && read.is_pending() && seat.is_session() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Writes what waits, when the socket takes it.
    fn write_on(self: &Rc<Self>, seat: &Rc<Seat>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_frozen(seat.slot) {
            return Poll::Pending;
        }
        let sent = self.kernel.borrow().outbox(seat.slot).map(|outbox| {
            let send = |socket: &Socket| socket.poll_send(cx, outbox.slices());
            seat.socket(send)
        });
        let Some(sent) = sent else { return self.flush_on(seat, cx) };
        match sent {
            Some(Poll::Pending) => return Poll::Pending,
            Some(Poll::Ready(Ok(sent))) => self.give(Input::Took(seat.slot, sent)),
            Some(Poll::Ready(Err(_))) | None => self.lose(seat.slot),
        }
        Poll::Ready(())
    }

    /// Writes what the socket owes, when nothing else waits. That alone is no reason to look again.
    fn flush_on(&self, seat: &Seat, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(Poll::Ready(Err(_))) = seat.socket(|socket| socket.poll_flush(cx)) {
            self.lose(seat.slot);
        }
        Poll::Pending
    }

    /// Deals with what came, when the session takes frames.
    fn read_on(self: &Rc<Self>, seat: &Rc<Seat>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.kernel.borrow().takes_frames(seat.slot) {
            return Poll::Pending;
        }
        if let Some(mut held) = seat.held.take() {
            self.receive(seat, &mut held);
            return Poll::Ready(());
        }
        let mut buffer = self.buffer.borrow_mut();
        let Some(read) = seat.socket(|socket| socket.poll_read(cx, &mut buffer)) else {
            return Poll::Pending;
        };
        match read {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0) | Err(_)) => self.lose(seat.slot),
            Poll::Ready(Ok(read)) => self.receive(seat, &mut buffer[..read]),
        }
        Poll::Ready(())
    }

    /// Takes frames out of what came, as long as the session takes them.
    fn receive(self: &Rc<Self>, seat: &Rc<Seat>, mut bytes: &mut [u8]) {
        let mut completed = false;
        loop {
            self.mind_slot(seat.slot);
            if !self.kernel.borrow().takes_frames(seat.slot) {
                if !bytes.is_empty() {
                    seat.held.borrow_mut().get_or_insert_default().extend_from_slice(bytes);
                }
                break;
            }
            let step = seat.decoder.borrow_mut().next(std::mem::take(&mut bytes), &self.bounds);
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
            self.give(input);
            if !seat.is_session() {
                return;
            }
        }
        self.note_unfinished(seat, completed);
    }

    /// A message must be whole in time, however its bytes trickle.
    pub(super) fn note_unfinished(&self, seat: &Rc<Seat>, completed: bool) {
        let unfinished = seat.decoder.borrow().unfinished();
        if !unfinished {
            seat.unfinished_until.set(Moment::NEVER);
        } else if completed || seat.unfinished_until.get() == Moment::NEVER {
            let until = self.now().after(self.node.config().limits.message_wait);
            seat.unfinished_until.set(until);
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
