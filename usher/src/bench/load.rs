//! Load: all sockets of this side, watched in one place by one thread.
//!
//! Whoever measures says what its sessions and callers should do, then takes a turn, in which it is
//! told what happened. What it measures is the server, so a turn costs as little as it can: one
//! buffer, no task and no timer for a socket, nothing copied that came as a whole.

use std::{
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
    target: Target,
    poll: Poll,
    events: Events,
    sessions: Vec<Option<Session>>,
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
    /// A load of so many callers, and no session yet.
    pub(super) fn new(target: Target, callers: usize) -> Result<Self, Failure> {
        Ok(Self {
            clock: Clock::start(),
            target,
            poll: Poll::new().map_err(Failure::failed)?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            sessions: Vec::new(),
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

    /// A caller that waits for nothing.
    pub(super) fn free_caller(&self) -> Option<usize> {
        self.callers.iter().position(|caller| !caller.is_busy())
    }

    /// Makes a call.
    pub(super) fn call(&mut self, caller: usize, call: Call<'_>) -> Result<(), Failure> {
        let (now, number) = (self.now(), self.next_socket());
        let one = &mut self.callers[caller];
        if one.needs_socket(now) {
            one.open(&self.target, number, self.poll.registry(), Token(CALLERS + caller))
                .map_err(|error| cannot_open(&error))?;
        }
        one.call(&self.target, call, now);
        self.calls += 1;
        Ok(())
    }

    /// Begins to connect a session; it is told of as `session`.
    pub(super) fn open(&mut self, session: usize, proof: Proof) -> Result<(), Failure> {
        let number = self.next_socket();
        let mut opened = Session::open(&self.target, proof, number, self.network)
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
