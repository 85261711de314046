//! Load: all sockets of this side, watched in one place by one thread.
//!
//! Whoever measures says what its sessions and callers should do, then takes a turn, in which it is
//! told what happened. What it measures is the server, so a turn costs as little as it can: one
//! buffer, no task and no timer for a socket, nothing copied that came as a whole.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    time::Duration,
};

use mio::{Events, Poll, Token};

use super::{
    caller::{Call, Caller},
    clock::Clock,
    event::Event,
    session::{Fate, Proof, Session},
    socket::Network,
    target::Target,
};
use crate::failure::Failure;

/// Bytes of the buffer into which all sockets are read: more than any of them holds.
const BUFFER_BYTES: usize = 1 << 20;

/// Sockets that one look finds ready.
const EVENTS_PER_TURN: usize = 1024;

/// Tokens from here on are those of callers.
const CALLERS: usize = usize::MAX / 2;

/// How long a turn waits for something to happen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    /// Not at all, so that neither side pays for falling asleep and waking up.
    Not,
    /// Until then.
    Until(Duration),
}

/// The load's side of all sockets.
#[derive(Debug)]
pub(super) struct Load {
    clock: Clock,
    /// The nodes.
    targets: Vec<Target>,
    poll: Poll,
    events: Events,
    sessions: Vec<Option<Session>>,
    /// To which node each session connects, where that is not the one that its number says.
    homes: HashMap<usize, usize>,
    callers: Vec<Caller>,
    buffer: Box<[u8]>,
    /// Sockets that were opened so far.
    opened: u32,
    calls: u64,
    network: Network,
    /// Time in which there was nothing to do.
    idle: Duration,
}

impl Load {
    /// A load on these nodes of so many callers, and no session yet. Callers and sessions are spread
    /// over the nodes.
    pub(super) fn new(targets: Vec<Target>, callers: usize) -> Result<Self, Failure> {
        Ok(Self {
            clock: Clock::start(),
            targets,
            poll: Poll::new().map_err(Failure::failed)?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            sessions: Vec::new(),
            homes: HashMap::new(),
            callers: (0..callers).map(|_| Caller::default()).collect(),
            buffer: vec![0; BUFFER_BYTES].into(),
            opened: 0,
            calls: 0,
            network: Network::Real,
            idle: Duration::ZERO,
        })
    }

    /// From now on sessions come over a narrow network.
    pub(super) fn narrow(&mut self) {
        self.network = Network::Narrow;
    }

    /// The clock that it goes by.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// How many calls were made so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The time since it was made.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Time since then in which there was nothing to do.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// A caller that waits for nothing, of the nodes in turn.
    pub(super) fn free_caller(&self) -> Option<usize> {
        let nodes = self.targets.len();
        let first = usize::try_from(self.calls).unwrap_or_default() % nodes;
        (0..nodes).find_map(|step| self.free_caller_at((first + step) % nodes))
    }

    /// A caller of this node that waits for nothing.
    pub(super) fn free_caller_at(&self, node: usize) -> Option<usize> {
        let mut callers = (node..self.callers.len()).step_by(self.targets.len());
        callers.find(|caller| !self.callers[*caller].is_busy())
    }

    /// Which node a caller calls.
    pub(super) fn node_of(&self, caller: usize) -> usize {
        caller % self.targets.len()
    }

    /// Which node has this URL.
    pub(super) fn node_at(&self, url: &str) -> Option<usize> {
        let host = url.split_once("://")?.1.split('/').next()?;
        self.targets.iter().position(|target| target.host == host)
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.targets.len()
    }

    /// To which node a session connects.
    pub(super) fn home(&self, session: usize) -> usize {
        let home = self.homes.get(&session).copied();
        home.unwrap_or_else(|| session % self.targets.len())
    }

    /// From now on a session connects to that node.
    pub(super) fn move_to(&mut self, session: usize, node: usize) {
        self.homes.insert(session, node);
    }

    /// Makes a call.
    pub(super) fn call(&mut self, caller: usize, call: Call<'_>) -> Result<(), Failure> {
        let (now, number) = (self.now(), self.next_socket());
        let target = &self.targets[self.node_of(caller)];
        let one = &mut self.callers[caller];
        if one.needs_socket(now) {
            one.open(target, number, self.poll.registry(), Token(CALLERS + caller))
                .map_err(|error| cannot_open(&error))?;
        }
        one.call(target, call, now);
        self.calls += 1;
        Ok(())
    }

    /// Begins to connect a session; it is told of as `session`.
    pub(super) fn open(&mut self, session: usize, proof: Proof) -> Result<(), Failure> {
        let number = self.next_socket();
        let target = &self.targets[self.home(session)];
        let mut opened = Session::open(target, proof, number, self.network)
            .map_err(|error| cannot_open(&error))?;
        opened.watch(self.poll.registry(), Token(session)).map_err(|error| cannot_open(&error))?;
        if self.sessions.len() <= session {
            self.sessions.resize_with(session + 1, || None);
        }
        self.sessions[session] = Some(opened);
        Ok(())
    }

    /// Sends a frame of a session, if its socket is there.
    pub(super) fn say(&mut self, session: usize, text: &[u8]) {
        if let Some(session) = self.sessions.get_mut(session).and_then(Option::as_mut) {
            session.say(text);
        }
    }

    /// A session loses its socket without a word.
    pub(super) fn lose(&mut self, session: usize) {
        if let Some(session) = self.sessions.get_mut(session).and_then(Option::take) {
            session.reset();
        }
    }

    /// A session leaves unread what comes.
    pub(super) fn stop_reading(&mut self, session: usize) {
        if let Some(session) = self.sessions.get_mut(session).and_then(Option::as_mut) {
            session.stop_reading();
        }
    }

    /// It reads on.
    pub(super) fn read_on(&mut self, session: usize) -> Result<(), Failure> {
        match self.sessions.get_mut(session).and_then(Option::as_mut) {
            Some(one) => one.read_on(self.poll.registry(), Token(session)).map_err(Failure::failed),
            None => Ok(()),
        }
    }

    /// Waits for something to happen, and tells it.
    pub(super) fn turn(
        &mut self,
        wait: Wait,
        mut told: impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = self.now();
        let timeout = match wait {
            Wait::Not => Duration::ZERO,
            Wait::Until(at) => at.saturating_sub(before),
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(Failure::failed(error));
            }
            Ok(()) | Err(_) => {}
        }
        if self.events.is_empty() || !timeout.is_zero() {
            self.idle += self.clock.now() - before;
        }
        let Self { events, sessions, callers, buffer, .. } = self;
        for event in &*events {
            let token = event.token().0;
            if let Some(caller) = token.checked_sub(CALLERS) {
                callers[caller].ready(caller, buffer, &mut told)?;
            } else if let Some(session) = &mut sessions[token]
                && session.ready(token, event, buffer, &mut told)? == Fate::Ended
                && let Some(session) = sessions[token].take()
            {
                session.reset();
            }
        }
        Ok(())
    }

    fn next_socket(&mut self) -> u32 {
        self.opened = self.opened.wrapping_add(1);
        self.opened
    }
}

impl Drop for Load {
    /// Whatever is closed in good order keeps its port for a minute, and the next run needs some.
    fn drop(&mut self) {
        self.sessions.drain(..).flatten().for_each(Session::reset);
    }
}

fn cannot_open(error: &io::Error) -> Failure {
    Failure::failed(format!("a socket cannot be opened: {error}"))
}
