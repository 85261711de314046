//! Session: what an app holds of a session, and the stream of its events.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::Stream;
use protocol::position::Mark;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    driver::Command,
    event::{Event, Raw},
    machine::PostId,
    outgoing::{Halt, Outgoing, SendError, Sending},
    state::{End, State},
};

/// A session of one user: sends, and asks how it stands. Cheap to clone; all clones are the same
/// session.
///
/// It goes on while its [`Events`] are there. When they are dropped it leaves.
#[derive(Debug, Clone)]
pub struct Session {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    sends: Arc<AtomicU64>,
}

impl Session {
    pub(crate) fn new(commands: mpsc::Sender<Command>, state: watch::Receiver<State>) -> Self {
        Self { commands, state, sends: Arc::default() }
    }

    /// Sends `data` to all sessions of `user`, if the session's ticket allows.
    ///
    /// It is on its way with this call; awaiting what is returned tells what became of it. Without
    /// a socket it waits for one, and if the socket is lost before the server answered, it is sent
    /// again in such a way that it cannot arrive twice. In any case it settles within
    /// [`crate::Pace::send_max`]. Sends go in the order of the calls, unless the server puts one off.
    ///
    /// The answer comes over the same socket as messages do. A task that awaits it and is also the
    /// one that takes events waits for itself once its queue of events is full.
    pub fn send(&self, user: impl AsRef<str>, data: &(impl Serialize + ?Sized)) -> Sending {
        self.send_as(Outgoing::new(user, data))
    }

    /// The same, for a message that says more: to whom of the user's sessions, for how long.
    pub fn send_as(&self, outgoing: Outgoing) -> Sending {
        let letter = match outgoing.0 {
            Ok(letter) => letter,
            Err(why) => return Sending::failed(SendError::Invalid(why)),
        };
        let id = PostId(self.sends.fetch_add(1, Ordering::Relaxed));
        let (outcome, sending) = oneshot::channel();
        match self.commands.try_send(Command::Send(id, letter, outcome)) {
            Ok(()) => Sending::open(sending),
            Err(mpsc::error::TrySendError::Full(_)) => Sending::failed(SendError::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Sending::failed(SendError::NotSent(Halt::Ended))
            }
        }
    }

    /// Tells the server that the user is looking at this device now. Call it as often as you like;
    /// the server is told every five seconds at most.
    pub async fn active(&self) {
        self.command(Command::Active).await;
    }

    /// Tells the server that all messages up to this one are processed, which backends see in
    /// their lists of sessions. Call it for each message; the server is told once a second at most.
    pub async fn ack(&self, position: &Mark) {
        self.command(Command::Ack(position.clone())).await;
    }

    /// Drops the socket without a word and comes back after `wait`: at once with zero, as is right
    /// when the device changed its network.
    pub async fn reconnect_after(&self, wait: Duration) {
        self.command(Command::Away(wait)).await;
    }

    /// Writes a frame as it is, for tools and for types of frame that this version does not know.
    /// Tells whether there was a socket to write it to.
    pub async fn say(&self, frame: impl Into<String>) -> bool {
        let (told, said) = oneshot::channel();
        self.command(Command::Say(frame.into(), told)).await;
        said.await.unwrap_or(false)
    }

    /// Ends the session for good, after what was sent before. Returns when it has ended.
    pub async fn leave(&self) -> End {
        self.command(Command::Leave).await;
        self.ended().await
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// To see each change of how it stands.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Returns when it has ended, and why.
    pub async fn ended(&self) -> End {
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| matches!(state, State::Ended(_))).await;
        match ended.as_deref() {
            Ok(State::Ended(end)) => end.clone(),
            // Its task says how it ended, unless it is cut off in the midst of it.
            _ => End::Aborted,
        }
    }

    async fn command(&self, command: Command) {
        // A session that ended obeys nobody.
        self.commands.send(command).await.ok();
    }
}

/// What comes out of a session: a [`Stream`], and [`Events::next`] for those who want no more.
///
/// Events wait here, as many as [`Events::QUEUE`]; take them, or nothing more is read. The server
/// then closes the socket of so slow a session, and what it missed comes when events are taken
/// again, unless that is so late that it is a gap.
#[derive(Debug)]
pub struct Events<T = Raw> {
    events: mpsc::Receiver<Event<Raw>>,
    data: PhantomData<fn() -> T>,
}

impl Events {
    /// How many events wait for an app that is busy.
    pub const QUEUE: usize = 64;
}

impl<T: DeserializeOwned> Events<T> {
    pub(crate) fn new(events: mpsc::Receiver<Event<Raw>>) -> Self {
        Self { events, data: PhantomData }
    }

    /// The next event; `None` when the session has ended. No event is lost if this is dropped
    /// before it is ready.
    pub async fn next(&mut self) -> Option<Event<T>> {
        self.events.recv().await.map(Event::typed)
    }
}

impl<T: DeserializeOwned> Stream for Events<T> {
    type Item = Event<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event<T>>> {
        Poll::Ready(ready!(self.events.poll_recv(cx)).map(Event::typed))
    }
}
