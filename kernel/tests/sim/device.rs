//! Device: what an app has: an SDK that comes back with what it has, or a plain WebSocket.

use kernel::moment::Moment;
use protocol::{
    frame::SendFrame,
    grant::Origin,
    id::{ResumeToken, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
};

use crate::{
    oracle::{Oracle, Promise},
    socket::{Socket, State},
    told::Case,
    wire::{self, Heard},
};

/// What it does with what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It speaks `usher.v1`, resumes, sends again what was not answered.
    Sdk,
    /// It answers pings of WebSocket and gets a new ticket each time.
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Away,
    /// Waits for the answer to this attempt.
    Connecting(u64),
    /// Has this socket.
    Open(u64),
}

/// A message that it has sent under a key, and no answer.
#[derive(Debug, Clone)]
pub(crate) struct Unanswered {
    pub(crate) reference: String,
    pub(crate) frame: SendFrame,
    /// Whether the answer may still come.
    pub(crate) is_under_way: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) user: UserId,
    pub(crate) id: Option<DeviceId>,
    pub(crate) class: Option<DeviceClass>,
    pub(crate) origin: Option<Origin>,
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    pub(crate) session: Option<SessionId>,
    pub(crate) token: Option<ResumeToken>,
    /// The last one that it saw, for as long as it lives.
    pub(crate) position: Position,
    /// A ticket that is not known to be spent.
    pub(crate) ticket: Option<Ticket>,
    /// It was told to stay away until then.
    pub(crate) back_at: Moment,
    /// It was told not to come back by itself.
    pub(crate) stopped: bool,
    /// How many pings it owes an answer to.
    pub(crate) pings: usize,
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Device {
    /// Reads one frame, and has the oracle judge it.
    pub(crate) fn read(&mut self, socket: &mut Socket, oracle: &mut Oracle) -> Option<String> {
        let line = socket.read()?;
        let who = socket.fenced.session;
        let frame = wire::decode(&line);
        let is_welcome = matches!(frame, Heard::Welcome { .. });
        oracle.check(Promise::Frames, is_welcome != socket.was_welcomed, || {
            format!("{who}: {line} out of place")
        });
        match frame {
            Heard::Welcome { session, position, token, resumed } => {
                socket.was_welcomed = true;
                oracle.check(Promise::Frames, session == who, || format!("{who} is {session}"));
                let known = (self.session, self.position);
                oracle.welcomes(session, position, resumed.then_some(known));
                self.session = Some(session);
                self.token = Some(token);
                self.position = position;
                self.ticket = None;
            }
            Heard::Message(message) => {
                oracle.hears(socket, self.position, &message);
                self.position = message.position.unwrap_or(self.position);
            }
            Heard::Gap(gap) => {
                oracle.misses(who, self.position, &gap);
                self.position = gap.until;
            }
            Heard::CaughtUp(position) => oracle.caught_up(who, self.position, position),
            Heard::Reply { reference, outcome } => {
                self.answered(&reference, outcome.is_ok());
                let forbidden = outcome.is_err_and(|code| code == "forbidden");
                oracle.count_if(Case::NotGranted, forbidden);
            }
            Heard::Closing(4000) => oracle.count(Case::DrainTold),
            Heard::Closing(_) | Heard::Pong => {}
            Heard::Ping | Heard::ControlPing => {
                let is_understood = matches!(frame, Heard::Ping) == socket.speaks_usher;
                oracle.check(Promise::Frames, is_understood, || format!("{who}: {line}"));
                self.pings += 1;
            }
        }
        Some(line)
    }

    /// A message that was not accepted is sent again, under its key.
    fn answered(&mut self, reference: &str, is_accepted: bool) {
        match is_accepted {
            true => self.unanswered.retain(|one| one.reference != reference),
            false => {
                let of_it = self.unanswered.iter_mut().filter(|one| one.reference == reference);
                of_it.for_each(|one| one.is_under_way = false);
            }
        }
    }

    /// It has no socket any more.
    pub(crate) fn is_away(&mut self) {
        self.phase = Phase::Away;
        self.pings = 0;
        self.unanswered.iter_mut().for_each(|one| one.is_under_way = false);
    }

    /// The socket is closed: with what to come back, if at all.
    pub(crate) fn closed(&mut self, state: State, oracle: &mut Oracle) {
        self.is_away();
        match state {
            State::Closed(4205) => oracle.count(Case::TakenOver),
            State::Closed(4409) => oracle.count(Case::Replaced),
            State::Closed(4000) => oracle.count(Case::DrainClosed),
            State::Closed(_) | State::Open | State::Cut => {}
        }
        if matches!(state, State::Closed(1000 | 1002..=1005 | 1007..=1015 | 4200..)) {
            self.token = None;
            self.ticket = None;
        }
        self.stopped = matches!(state, State::Closed(4400..));
    }
}
