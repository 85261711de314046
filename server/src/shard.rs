//! Shard: the thread that owns a slice of the node's sockets.
//!
//! It gives the kernel's shard what happens and does what comes out. One task waits for all sockets
//! of sessions, and none of them owns a buffer: what is read goes into one that the whole thread
//! shares, and is dealt with before the next read. Writes go past that task.
//!
//! Single-threaded: the cells here are borrowed for the length of a call, never over an await.

mod seat;
mod lease;
pub(crate) mod watch;
mod ways;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use engine::mailbox::{Letter, Mailbox};
use kernel::{
    message::Notice,
    moment::Moment,
    shard::{Arrival, Input, Options, Output, Shard, Slot, Violation},
};
use protocol::{event::What, partition::Partition, time::Timestamp};
use tokio::{
    sync::{Notify, mpsc},
    task::spawn_local,
};

use self::{lease::Lease, seat::Seat, watch::Watched};
use crate::{
    clock::Clock,
    config::Config,
    memory,
    node::Node,
    tally::Held,
    ws::{
        self,
        codec::{Bounds, Opcode, encode},
    },
};

pub(crate) use self::ways::{Command, Handoff, Shards};

/// Bytes of the buffer into which a thread reads: one frame of the largest kind, and more of small
/// ones than a session may send at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// Envelopes that one turn deals with before others get theirs.
const ENVELOPES_PER_TURN: usize = 256;

/// How long the shard may sleep when no session waits for anything.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What is there for one thread.
pub(crate) struct Local {
    node: Arc<Node>,
    shards: Shards,
    kernel: RefCell<Shard>,
    seats: RefCell<Vec<Option<Rc<Seat>>>>,
    watched: Watched,
    /// Seats that are to be served, and whether there are some.
    due: RefCell<VecDeque<Rc<Seat>>>,
    woken: Notify,
    buffer: RefCell<Box<[u8]>>,
    /// Sockets in whose stream a message is unfinished, and until when it may be.
    unfinished: RefCell<VecDeque<(Moment, Rc<Seat>)>>,
    bounds: Bounds,
    /// Until when it may act for its sessions.
    lease: Lease,
    /// Which of the node's shards this is.
    index: usize,
    /// What the node's tally has of it.
    published: Cell<Held>,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

fn options(config: &Config) -> Options {
    // Other nodes keep a session for the window, so whoever is frozen has to leave within it.
    let window = config.session.resume_window;
    let grace_window = config.drain.window.min(window / 2);
    Options {
        node: config.node.clone(),
        outbox: config.outbox(),
        outboxes_bytes: memory::bytes() / 100 * config.limits.outboxes_percent as usize
            / config.shards.max(1),
        frames: config.limits.frames,
        ping: config.session.ping,
        pong_wait: config.session.pong_wait,
        grace: window - grace_window,
        grace_window,
        encode: ws::encode,
        control_ping: encode::frame(Opcode::Ping, b""),
    }
}

impl Local {
    /// The `index`th of `shards`, with the list in which its sockets are. What that tells is to be
    /// [attended](Self::attend).
    pub(crate) fn new(node: Arc<Node>, shards: Shards, index: usize, watched: Watched) -> Rc<Self> {
        let config = node.config();
        let bounds = Bounds {
            frame_bytes: config.limits.frame_bytes,
            message_bytes: config.limits.frame_bytes,
            fragments: config.limits.fragments,
        };
        let kernel = Shard::new(options(config), node.clock().moment());
        let local = Self {
            kernel: RefCell::new(kernel),
            seats: RefCell::new(Vec::new()),
            watched,
            due: RefCell::new(VecDeque::new()),
            woken: Notify::new(),
            buffer: RefCell::new(vec![0; BUFFER_BYTES].into()),
            unfinished: RefCell::new(VecDeque::new()),
            bounds,
            lease: Lease::new(node.tenure()),
            index,
            published: Cell::new(Held::default()),
            node,
            shards,
        };
        Rc::new(local)
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    /// Serves commands, envelopes and time, until the node has gone.
    pub(crate) async fn run(
        self: Rc<Self>,
        mut commands: mpsc::Receiver<Command>,
        mut mailbox: Mailbox,
    ) {
        let mut batch = Vec::with_capacity(ENVELOPES_PER_TURN);
        let mut accepted = Vec::with_capacity(ENVELOPES_PER_TURN);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Take(handoff)) => self.take(*handoff),
                    Some(Command::Drain(window)) => {
                        self.mind_all();
                        self.act(Input::Drain(window));
                    }
                    Some(Command::Stop) | None => return,
                },
                _ = mailbox.letters.recv_many(&mut batch, ENVELOPES_PER_TURN) => {
                    self.deliver(&mut batch, &mut accepted);
                }
                Some(message) = mailbox.broadcasts.recv(), if self.takes_broadcasts() => {
                    self.node.tally.shard(self.index).noticed(1);
                    self.mind_all();
                    self.act(Input::Everyone(message));
                }
                () = self.rest() => {}
            }
            if self.is_broadcasting() {
                self.mind_all();
                self.act(Input::Continue);
            }
            // Whatever came: under load the sleep may never be what is chosen.
            if self.is_due() {
                self.mind_all();
                self.give_up_on_unfinished();
                self.act(Input::Wake);
            }
            // Envelopes may come without end; sockets want their turn too.
            tokio::task::yield_now().await;
        }
    }

    /// Gives the sessions what the engine tells, and notes how long ago it was accepted.
    fn deliver(self: &Rc<Self>, batch: &mut Vec<Letter>, accepted: &mut Vec<Timestamp>) {
        let tally = self.node.tally.shard(self.index);
        tally.noticed(batch.len());
        for letter in batch.drain(..) {
            let envelope = match letter {
                Letter::Envelope(envelope) => envelope,
                Letter::Thaw(partition, term) => {
                    self.thaw(partition, term);
                    continue;
                }
            };
            self.mind(|| Partition::of(&envelope.user));
            if let Notice::Message(message) = &envelope.notice {
                accepted.push(message.at);
            }
            self.give(Input::Deliver(envelope));
        }
        self.end_turn();
        let now = Clock::timestamp();
        for at in accepted.drain(..) {
            tally.delivered_after(now.ms_since(at));
        }
    }

    fn now(&self) -> Moment {
        self.node.clock().moment()
    }

    fn is_broadcasting(&self) -> bool {
        self.kernel.borrow().is_broadcasting()
    }

    fn takes_broadcasts(&self) -> bool {
        self.kernel.borrow().takes_broadcasts()
    }

    /// When time alone gives it something to do.
    fn wake_at(&self) -> Option<Moment> {
        let kernel = self.kernel.borrow().wake_at();
        let unfinished = self.unfinished.borrow().front().map(|(until, _)| *until);
        kernel.into_iter().chain(unfinished).min()
    }

    fn is_due(&self) -> bool {
        self.wake_at().is_some_and(|at| at <= self.now())
    }

    /// Waits until time gives it something to do; not at all while there is something to write.
    async fn rest(&self) {
        if self.is_broadcasting() {
            return;
        }
        let wait = |at: Moment| Duration::from_millis(at.ms_since(self.now()));
        tokio::time::sleep(self.wake_at().map_or(SLEEP_MAX, |at| wait(at).min(SLEEP_MAX))).await;
    }

    /// Takes a session's socket in.
    fn take(self: &Rc<Self>, handoff: Handoff) {
        let Handoff { socket, admitted, room, speaks_usher, early } = handoff;
        let urls = self.node.urls(&admitted.user);
        let arrival = Arrival { admitted, speaks_usher, urls };
        let slot = self.kernel.borrow_mut().open(self.now(), arrival);
        let index = slot.index as usize;
        let watched = self.watched.add(&socket, index);
        let seat = Rc::new(Seat::new(slot, socket, early));
        let mut seats = self.seats.borrow_mut();
        if seats.len() <= index {
            seats.resize(index + 1, None);
        }
        seats[index] = Some(seat);
        drop(seats);
        // It is given back when the socket has closed.
        room.keep();
        if let Err(error) = watched {
            tracing::error!(%error, "a socket cannot be watched");
            self.lose(slot);
        }
        self.finish_turn();
    }

    fn seat(&self, slot: Slot) -> Option<Rc<Seat>> {
        self.seats.borrow().get(slot.index as usize)?.clone().filter(|seat| seat.slot() == slot)
    }

    fn vacate(&self, slot: Slot) -> Option<Rc<Seat>> {
        let mut seats = self.seats.borrow_mut();
        let seat = seats.get_mut(slot.index as usize)?;
        seat.take_if(|seat| seat.slot() == slot)
    }

    /// One thing that happened, as a turn of its own.
    fn act(self: &Rc<Self>, input: Input) {
        self.give(input);
        self.end_turn();
    }

    /// One thing that happened in this turn.
    fn give(self: &Rc<Self>, input: Input) {
        self.kernel.borrow_mut().handle(self.now(), input);
        self.carry_out();
    }

    fn finish_turn(self: &Rc<Self>) {
        self.carry_out();
        self.end_turn();
    }

    fn end_turn(self: &Rc<Self>) {
        self.give(Input::TurnEnd);
        let held = Held::of(&self.kernel.borrow());
        if self.published.replace(held) != held {
            self.node.tally.shard(self.index).publish(&held);
        }
    }

    fn carry_out(self: &Rc<Self>) {
        loop {
            let output = self.kernel.borrow_mut().poll();
            match output {
                Some(output) => self.carry_out_one(output),
                None => return,
            }
        }
    }

    fn carry_out_one(self: &Rc<Self>, output: Output) {
        match output {
            Output::Send(slot, frame) => self.send(slot, &frame),
            Output::Listen(slot) => self.wake_slot(slot),
            Output::Flush(slot) => self.flush(slot),
            Output::Read(slot, reader) => {
                let node = Arc::clone(&self.node);
                self.call(async move { node.read(reader).await }, move |local, page| {
                    if let Some(page) = page.transpose() {
                        local.mind_slot(slot);
                        local.give(Input::Read(slot, page.ok()));
                        local.wake_slot(slot);
                    }
                });
            }
            Output::Close(slot, closing) => {
                if let Some(seat) = self.vacate(slot) {
                    self.part(&seat, &closing);
                }
            }
            Output::Forward(slot, forward) => {
                let node = Arc::clone(&self.node);
                let reference = forward.reference.clone();
                self.call(async move { node.forward(forward).await }, move |local, outcome| {
                    local.give(Input::Replied(slot, reference, outcome));
                    local.wake_slot(slot);
                });
            }
            Output::Touch(fenced, touch) => {
                let node = Arc::clone(&self.node);
                self.call(async move { node.touch(fenced, touch).await }, |_, ()| {});
            }
            Output::Park(parting) => {
                let node = Arc::clone(&self.node);
                self.call(async move { node.park(parting).await }, |_, ()| {});
            }
            Output::Release(parting) => {
                let node = Arc::clone(&self.node);
                self.call(async move { node.release(parting).await }, |_, ()| {});
            }
            Output::Opened(fenced, user, resumed) => {
                let session = fenced.session;
                self.node.tell(match resumed {
                    true => What::SessionResumed { user, session },
                    false => What::SessionOpened { user, session },
                });
            }
            Output::Probed(fenced) => self.node.heard_of(fenced),
        }
    }

    /// Calls the engine. One in this process answers at once, so that nothing is spawned for it.
    fn call<T: 'static>(
        self: &Rc<Self>,
        call: impl Future<Output = T> + 'static,
        then: impl FnOnce(&Rc<Self>, T) + 'static,
    ) {
        let mut call: Pin<Box<dyn Future<Output = T>>> = Box::pin(call);
        match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => then(self, answer),
            Poll::Pending => {
                let local = Rc::clone(self);
                spawn_local(async move {
                    let answer = call.await;
                    then(&local, answer);
                    local.end_turn();
                });
            }
        }
    }

    fn wake_slot(&self, slot: Slot) {
        if let Some(seat) = self.seat(slot) {
            self.wake(&seat);
        }
    }

    fn send(self: &Rc<Self>, slot: Slot, frame: &bytes::Bytes) {
        let Some(seat) = self.seat(slot) else { return };
        if !self.is_held(slot) {
            let frame = frame.clone();
            self.kernel.borrow_mut().handle(self.now(), Input::Unsent(slot, frame));
            return;
        }
        match seat.socket(|socket| socket.send(frame)) {
            Some(Ok(sent)) if sent == frame.len() => self.mind_what_it_owes(&seat),
            Some(Ok(sent)) => {
                let rest = frame.slice(sent..);
                self.kernel.borrow_mut().handle(self.now(), Input::Stalled(slot, rest));
                self.wake(&seat);
            }
            Some(Err(_)) | None => self.lose(slot),
        }
    }

    fn flush(self: &Rc<Self>, slot: Slot) {
        let Some(seat) = self.seat(slot) else { return };
        loop {
            if !self.is_held(slot) {
                self.kernel.borrow_mut().handle(self.now(), Input::Took(slot, 0));
                return;
            }
            let sent = {
                let kernel = self.kernel.borrow();
                let Some(outbox) = kernel.outbox(slot) else {
                    return self.mind_what_it_owes(&seat);
                };
                seat.socket(|socket| socket.send_all(outbox.slices()))
            };
            match sent {
                Some(Ok(sent)) => {
                    self.kernel.borrow_mut().handle(self.now(), Input::Took(slot, sent));
                    if sent == 0 {
                        self.wake(&seat);
                        return;
                    }
                }
                Some(Err(_)) | None => {
                    self.lose(slot);
                    return;
                }
            }
        }
    }

    /// The socket is gone.
    fn lose(&self, slot: Slot) {
        self.kernel.borrow_mut().handle(self.now(), Input::Lost(slot));
        if self.vacate(slot).is_some_and(|seat| seat.take_socket().is_some()) {
            self.node.give_room_back();
        }
    }

    fn give_up_on_unfinished(self: &Rc<Self>) {
        let now = self.now();
        loop {
            let due = {
                let mut unfinished = self.unfinished.borrow_mut();
                match unfinished.front() {
                    Some((until, _)) if *until <= now => unfinished.pop_front(),
                    _ => None,
                }
            };
            let Some((until, seat)) = due else { return };
            if self.is_frozen(seat.slot()) {
                self.note_unfinished(&seat, true);
                continue;
            }
            if seat.is_unfinished_since_before(until) {
                let violation = Violation { code: 1008, reason: "message not finished in time" };
                self.give(Input::Violation(seat.slot(), violation));
            }
        }
    }
}
