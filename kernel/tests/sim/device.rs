//! Device: what an app's SDK does: connects, reads, answers, comes back with what it has.

use protocol::{
    id::{ResumeToken, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
};

use crate::{
    oracle::{Oracle, Seen},
    wire::{self, Socket, State},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Away,
    /// Waits for the answer to this attempt.
    Connecting(u64),
    /// Has this socket.
    Open(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) user: UserId,
    pub(crate) id: Option<DeviceId>,
    pub(crate) class: Option<DeviceClass>,
    pub(crate) phase: Phase,
    pub(crate) session: Option<SessionId>,
    pub(crate) token: Option<ResumeToken>,
    /// The last one that it saw, for as long as it lives.
    pub(crate) position: Position,
    pub(crate) seen: Seen,
    pub(crate) last_ticket: Option<Ticket>,
    /// What it owes an answer to.
    pub(crate) pinged: bool,
}

impl Device {
    /// Reads one frame, and checks what it says.
    pub(crate) fn read(&mut self, socket: &mut Socket, oracle: &mut Oracle) -> bool {
        let Some(line) = socket.read() else { return false };
        let frame = wire::decode(&line);
        let is_welcome = matches!(frame, wire::Seen::Welcome { .. });
        let who = socket.fenced.session;
        oracle.check(is_welcome != socket.was_welcomed, || format!("{who}: {line} out of place"));
        match frame {
            wire::Seen::Welcome { session, position, token, resumed } => {
                socket.was_welcomed = true;
                if resumed {
                    oracle
                        .check(self.session == Some(session) && self.position == position, || {
                            format!("{session} resumed from {position}, not {}", self.position)
                        });
                } else {
                    self.seen = Seen::default();
                }
                self.session = Some(session);
                self.token = Some(token);
                self.position = position;
            }
            wire::Seen::Message { id, position } => {
                oracle.received(who, id, position, &mut self.seen);
                if let Some(position) = position {
                    oracle.check(position > self.position, || {
                        format!("{who} got {position} after {}", self.position)
                    });
                    self.position = position;
                }
            }
            wire::Seen::Gap(gap) => {
                oracle.told.gaps += 1;
                oracle.check(gap.after >= self.position, || {
                    format!("{who} is at {} and got {gap:?}", self.position)
                });
                self.position = gap.until;
                self.seen.gaps.push(gap);
            }
            wire::Seen::CaughtUp(position) => {
                oracle.check(position >= self.position, || {
                    format!("{who} is at {} and caught up to {position}", self.position)
                });
            }
            wire::Seen::Ping => self.pinged = true,
            wire::Seen::Closing | wire::Seen::Other => {}
        }
        true
    }

    /// The socket is closed: with what to come back, if at all.
    pub(crate) fn closed(&mut self, state: State, oracle: &mut Oracle) {
        self.phase = Phase::Away;
        match state {
            State::Closed(4205) => oracle.told.taken_over += 1,
            State::Closed(4409) => oracle.told.replaced += 1,
            State::Closed(_) | State::Open | State::Cut => {}
        }
        if matches!(state, State::Closed(1000 | 4200..)) {
            self.token = None;
        }
    }
}
