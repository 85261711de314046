//! Driver: the task of a session, which does what the machine says.
//!
//! One task, one thing at a time: it asks the app for a ticket, or dials, or has a socket. Each of
//! these can be dropped at any moment, so nothing has to be waited for before a session ends.
//!
//! The app's events wait in a queue with a bound. When it is full nothing more is read from the
//! socket, so that the server notices a slow session as it would any other: it closes the socket,
//! and the session resumes when the app has caught up.

use std::{
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use protocol::position::Mark;
use rustls::ClientConfig;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use crate::{
    event::{Event, Raw},
    machine::{Input, Machine, Moment, Output, PostId, Setup},
    outgoing::{Halt, Letter, Outcome, SendError},
    socket::{NotOpened, Reading, Socket},
    state::{End, State},
    ticket::{NoTicket, Reason, Ticket},
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The app's way to a ticket.
pub(crate) type Tickets = Box<dyn Fn(Reason) -> Boxed<Result<Ticket, NoTicket>> + Send + Sync>;

/// The app's view of each frame that comes.
pub(crate) type Tap = Box<dyn Fn(&str) + Send + Sync>;

/// How long to sleep when there is nothing to wake up for.
const LONG: Duration = Duration::from_secs(3600);

/// What the app wants.
#[derive(Debug)]
pub(crate) enum Command {
    Send(PostId, Letter, oneshot::Sender<Outcome>),
    /// A frame of the app's own; told whether there was a socket for it.
    Say(String, oneshot::Sender<bool>),
    Active,
    Ack(Mark),
    Away(Duration),
    Leave,
}

/// What a session's task has.
pub(crate) struct Driver {
    machine: Machine,
    tls: Arc<ClientConfig>,
    app: App,
    doing: Doing,
    sends: HashMap<PostId, oneshot::Sender<Outcome>>,
    began: Instant,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// The app's side of a session, as its task sees it.
pub(crate) struct App {
    pub(crate) tickets: Tickets,
    pub(crate) tap: Option<Tap>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) events: mpsc::Sender<Event<Raw>>,
    pub(crate) state: watch::Sender<State>,
}

/// What is being done about a socket.
enum Doing {
    Nothing,
    Asking(Boxed<Result<Ticket, NoTicket>>),
    Dialing(Boxed<Result<Socket, NotOpened>>),
    Open(Box<Socket>),
}

impl Doing {
    /// What comes of it; for ever pending if nothing can.
    fn poll(&mut self, cx: &mut Context<'_>, reading: Reading) -> Poll<Input> {
        match self {
            Self::Nothing => Poll::Pending,
            Self::Asking(ticket) => ticket.as_mut().poll(cx).map(|answer| {
                *self = Self::Nothing;
                Input::Ticket(answer)
            }),
            Self::Dialing(socket) => socket.as_mut().poll(cx).map(|opened| match opened {
                Ok(socket) => {
                    *self = Self::Open(Box::new(socket));
                    Input::Life
                }
                Err(not) => {
                    *self = Self::Nothing;
                    not.into()
                }
            }),
            Self::Open(socket) => socket.poll(cx, reading),
        }
    }
}

/// What the task wakes up for.
enum Woken {
    Input(Input),
    Command(Option<Command>),
    Room,
    Unwanted,
}

impl Driver {
    pub(crate) fn new(setup: Setup, tls: Arc<ClientConfig>, app: App) -> Self {
        Self {
            machine: Machine::new(setup),
            tls,
            app,
            doing: Doing::Nothing,
            sends: HashMap::new(),
            began: Instant::now(),
        }
    }

    /// Does what the machine says until it has ended.
    pub(crate) async fn run(mut self) {
        self.give(Input::Start);
        let (mut reading, mut wanted, mut commanded) = (Reading::Flowing, true, true);
        while !self.machine.is_ended() {
            let room = self.room();
            if room != reading {
                reading = room;
                self.give(match room {
                    Reading::Flowing => Input::Flowing,
                    Reading::Stalled => Input::Stalled,
                });
            }
            let wake = self.machine.wake_at().map_or(LONG, |Moment(ms)| Duration::from_millis(ms));
            let woken = tokio::select! {
                command = self.app.commands.recv(), if commanded => Woken::Command(command),
                input = poll_fn(|cx| self.doing.poll(cx, room)) => Woken::Input(input),
                _ = self.app.events.reserve(), if room == Reading::Stalled => Woken::Room,
                () = self.app.events.closed(), if wanted => Woken::Unwanted,
                () = sleep_until(self.began + wake) => Woken::Input(Input::Wake),
            };
            match woken {
                Woken::Input(input) => self.give(input),
                Woken::Command(Some(command)) => self.obey(command),
                // Nobody is left who could ask for anything; events may be wanted still.
                Woken::Command(None) => commanded = false,
                Woken::Room => {}
                Woken::Unwanted => {
                    wanted = false;
                    self.give(Input::Leave);
                }
            }
        }
    }

    /// Whether the app has room for what one more frame may bring.
    fn room(&self) -> Reading {
        match self.app.events.capacity() {
            0 if !self.app.events.is_closed() => Reading::Stalled,
            _ => Reading::Flowing,
        }
    }

    fn obey(&mut self, command: Command) {
        let input = match command {
            Command::Send(id, letter, outcome) => {
                self.sends.insert(id, outcome);
                Input::Send(id, letter)
            }
            Command::Say(text, told) => {
                let room = matches!(&self.doing, Doing::Open(socket) if socket.has_room());
                let says = room && self.machine.is_live();
                // Whoever asked may be gone.
                told.send(says).ok();
                if !says {
                    return;
                }
                Input::Say(text)
            }
            Command::Active => Input::Active,
            Command::Ack(mark) => Input::Ack(mark),
            Command::Away(wait) => Input::Away(wait),
            Command::Leave => Input::Leave,
        };
        self.give(input);
    }

    fn give(&mut self, input: Input) {
        if let (Input::Text(text), Some(tap)) = (&input, &self.app.tap) {
            tap(text);
        }
        let now = self.began.elapsed().as_millis();
        self.machine.handle(Moment(u64::try_from(now).unwrap_or(u64::MAX)), input);
        while let Some(output) = self.machine.poll() {
            self.act(output);
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::GetTicket(reason) => self.doing = Doing::Asking((self.app.tickets)(reason)),
            Output::Dial { url, proof } => {
                let tls = Arc::clone(&self.tls);
                self.doing = Doing::Dialing(Box::pin(Socket::dial(url, proof, tls)));
            }
            Output::Write(frame) => {
                if let Doing::Open(socket) = &mut self.doing {
                    socket.write(frame);
                }
            }
            Output::HangUp => {
                if let Doing::Open(socket) = std::mem::replace(&mut self.doing, Doing::Nothing) {
                    socket.hang_up();
                }
            }
            Output::Deliver(event) => {
                // There is room, or nothing would have been read; or nobody wants it any more.
                self.app.events.try_send(event).ok();
            }
            Output::Settle(id, outcome) => {
                if let Some(send) = self.sends.remove(&id) {
                    // Whoever sent it may not want to know.
                    send.send(outcome).ok();
                }
            }
            Output::Tell(state) => self.tell(state),
        }
    }

    fn tell(&self, state: State) {
        self.app.state.send_if_modified(|told| {
            let news = *told != state;
            *told = state;
            news
        });
    }
}

impl Drop for Driver {
    /// Also where its runtime stops in the midst of it: everybody who waits is told.
    fn drop(&mut self) {
        if !matches!(*self.app.state.borrow(), State::Ended(_)) {
            self.tell(State::Ended(End::Aborted));
        }
        self.app.commands.close();
        while let Ok(command) = self.app.commands.try_recv() {
            if let Command::Send(_, _, outcome) = command {
                // Whoever sent it may not want to know.
                outcome.send(Err(SendError::NotSent(Halt::Ended))).ok();
            }
        }
    }
}
