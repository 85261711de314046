//! Crew: the sessions of a soak, each with what it is doing at the moment.

use std::{collections::VecDeque, time::Duration};

use protocol::close::CloseCode;

use super::super::{
    arrivals::Arrivals,
    caller::Call,
    crowd::{self, CALLERS, Standing},
    dice::Dice,
    event::{End, Event},
    ledger::Ledger,
    load::Load,
    session::Proof,
    stamp::{self, Stamp},
};
use crate::failure::Failure;

/// Bytes of `data` in each message.
const MESSAGE_BYTES: usize = 512;

/// Messages to a slow reader, and bytes of `data` in each: together more than its outbox takes and
/// the operating system holds, but less than its stream keeps.
const SLOW_MESSAGES: u32 = 230;
const SLOW_MESSAGE_BYTES: usize = 4096;

/// Messages that a session which is away may have missed when it is sent no more.
const MISSED_MAX: u32 = 100;

/// Handshakes under way at once.
const AT_ONCE: usize = 256;

/// How often another session is looked for, where one is in the middle of something.
const LOOKS: usize = 16;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    /// Its socket is lost, and it is on its way back.
    Away,
    /// It has said that it leaves; another one will follow.
    Leaving,
    /// Another one is on its way in.
    Coming,
    /// It does not read while so many messages are still sent to it.
    Slow(u32),
}

#[derive(Debug)]
struct Member {
    state: State,
    standing: Standing,
    /// Whether a call with a message for it was not answered yet; there is one at a time, so that
    /// their order is known.
    is_called: bool,
}

/// What a caller asked for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Ticket(usize),
    Message(usize),
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) resumed: u64,
    pub(super) renewed: u64,
    pub(super) slow: u64,
    pub(super) refused: u64,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Crew {
    members: Vec<Member>,
    ledger: Ledger,
    arrivals: Arrivals,
    asked: Vec<Option<Asked>>,
    /// Who needs a new ticket.
    leavers: VecDeque<usize>,
    slow: Option<usize>,
    dice: Dice,
    counts: Counts,
}

impl Crew {
    pub(super) fn new(standings: Vec<Standing>) -> Self {
        let ledger = Ledger::new(standings.len());
        let live = |standing| Member { state: State::Live, standing, is_called: false };
        Self {
            members: standings.into_iter().map(live).collect(),
            ledger,
            arrivals: Arrivals::new(AT_ONCE),
            asked: vec![None; CALLERS],
            leavers: VecDeque::new(),
            slow: None,
            dice: Dice::new(),
            counts: Counts::default(),
        }
    }

    /// Sends a message to somebody, if there is one who can be sent one.
    pub(super) fn send(&mut self, load: &mut Load) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            let one = self.dice.below(self.members.len());
            let member = &self.members[one];
            let may = match member.state {
                State::Live | State::Away => self.ledger.missing(one) < MISSED_MAX,
                State::Leaving | State::Coming | State::Slow(_) => false,
            };
            if may && !member.is_called {
                return self.send_to(load, one);
            }
        }
        Ok(())
    }

    /// Somebody loses the socket, or leaves.
    pub(super) fn shake(&mut self, load: &mut Load) {
        let one = self.dice.below(self.members.len());
        let leaves = self.dice.below(2) == 0;
        let is_even = self.ledger.is_even(one);
        let member = &mut self.members[one];
        if member.state != State::Live {
            return;
        }
        // What a session that left was still to get is lost, so it must have everything.
        if leaves && is_even && !member.is_called {
            member.state = State::Leaving;
            load.say(one, br#"{"type":"leave"}"#);
        } else {
            load.lose(one);
            self.lost(one);
        }
    }

    /// Somebody stops reading, unless another one has.
    pub(super) fn slow_down(&mut self, load: &mut Load) {
        let one = self.dice.below(self.members.len());
        if self.slow.is_none() && self.members[one].state == State::Live {
            self.members[one].state = State::Slow(SLOW_MESSAGES);
            self.slow = Some(one);
            load.stop_reading(one);
        }
    }

    /// Does what is to be done because of what happened.
    pub(super) fn act(&mut self, load: &mut Load) -> Result<(), Failure> {
        if let Some(one) = self.slow
            && !self.members[one].is_called
        {
            match self.members[one].state {
                State::Slow(0) => {
                    self.members[one].state = State::Live;
                    self.slow = None;
                    load.read_on(one)?;
                }
                State::Slow(left) => {
                    self.send_to(load, one)?;
                    self.members[one].state =
                        State::Slow(left - u32::from(self.members[one].is_called));
                }
                State::Live | State::Away | State::Leaving | State::Coming => self.slow = None,
            }
        }
        while let Some(one) = self.leavers.front().copied()
            && let Some(caller) = load.free_caller()
        {
            let body = crowd::ticket_for(&crowd::user(one));
            load.call(caller, Call::post("/v1/tickets", body.as_bytes()))?;
            self.asked[caller] = Some(Asked::Ticket(one));
            self.leavers.pop_front();
        }
        self.arrivals.act(load)
    }

    /// Something happened.
    pub(super) fn told(&mut self, event: Event<'_>, now: Duration) -> Result<(), Failure> {
        match event {
            Event::Answered { caller, status, body } => self.answered(caller, status, body)?,
            Event::Welcomed { session, welcome } => {
                self.arrivals.welcomed(session);
                let member = &mut self.members[session];
                member.standing = Standing { token: welcome.resume, position: welcome.position };
                match welcome.resumed {
                    true => self.counts.resumed += 1,
                    false => self.counts.renewed += 1,
                }
                if welcome.resumed != (member.state == State::Away) {
                    let text = format!("session {session} came back as another one");
                    return Err(Failure::failed(text));
                }
                member.state = State::Live;
            }
            Event::Text { text, .. } if text.starts_with(br#"{"type":"caught_up""#) => {}
            Event::Text { session, text } => {
                let size = match text.len() {
                    ..SLOW_MESSAGE_BYTES => MESSAGE_BYTES,
                    _ => SLOW_MESSAGE_BYTES,
                };
                let stamp = crowd::stamp(session, text, size)?;
                self.ledger.came(session, stamp.number)?;
                self.counts.delivered += 1;
                if let Some(position) = stamp::position(text) {
                    self.members[session].standing.position = position;
                }
            }
            Event::Closed { session, end } => self.closed(session, end, now)?,
        }
        Ok(())
    }

    /// When somebody comes again who was told to.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.arrivals.wake_at()
    }

    /// Whether everybody is there and has everything.
    pub(super) fn is_even(&self) -> bool {
        self.ledger.under_way() == 0
            && self.members.iter().all(|one| one.state == State::Live && !one.is_called)
    }

    /// Says what is missing, if anything is.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        self.ledger.settle()
    }

    pub(super) fn counts(&self) -> Counts {
        Counts { refused: self.arrivals.refused(), ..self.counts }
    }

    fn send_to(&mut self, load: &mut Load, one: usize) -> Result<(), Failure> {
        let Some(caller) = load.free_caller() else { return Ok(()) };
        let stamp = Stamp { number: self.ledger.sent(one), due: load.now() };
        let mut body = br#"{"data":"#.to_vec();
        let size = match self.members[one].state {
            State::Slow(_) => SLOW_MESSAGE_BYTES,
            State::Live | State::Away | State::Leaving | State::Coming => MESSAGE_BYTES,
        };
        stamp.write(size, &mut body);
        body.push(b'}');
        let path = format!("/v1/users/{}/messages", crowd::user(one));
        load.call(caller, Call::post(&path, &body))?;
        self.asked[caller] = Some(Asked::Message(one));
        self.members[one].is_called = true;
        self.counts.sent += 1;
        Ok(())
    }

    fn answered(&mut self, caller: usize, status: u16, body: &[u8]) -> Result<(), Failure> {
        match self.asked[caller].take() {
            Some(Asked::Ticket(one)) => {
                let ticket = crowd::ticket(status, body)?.ticket;
                self.arrivals.add(one, Proof::Ticket(ticket));
            }
            Some(Asked::Message(one)) if status == 200 => self.members[one].is_called = false,
            Some(Asked::Message(_)) => return Err(crowd::refused(status, body)),
            None => {}
        }
        Ok(())
    }

    fn closed(&mut self, session: usize, end: End, now: Duration) -> Result<(), Failure> {
        if self.arrivals.closed(session, end, now)? {
            return Ok(());
        }
        match (self.members[session].state, end.code) {
            (State::Leaving, Some(1000)) => {
                self.members[session].state = State::Coming;
                self.leavers.push_back(session);
            }
            // Who has read too slowly may find the close frame, or a socket that was reset.
            (State::Live, None) => self.parked(session),
            (State::Live, Some(code)) if code == CloseCode::Slow.number() => self.parked(session),
            (State::Live | State::Away | State::Leaving | State::Coming | State::Slow(_), _) => {
                return Err(crowd::lost(session, end));
            }
        }
        Ok(())
    }

    fn parked(&mut self, session: usize) {
        self.counts.slow += 1;
        self.lost(session);
    }

    /// A session that lost its socket wants it back.
    fn lost(&mut self, session: usize) {
        let member = &mut self.members[session];
        member.state = State::Away;
        let Standing { token, position } = member.standing;
        self.arrivals.add(session, Proof::Resume(token, position));
    }
}
