//! Share: the sessions of one part, what they are sent, and how they come back when a node has gone.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    super::{
        arrivals::Arrivals,
        caller::Call,
        crowd::{self, CALLERS, Standing, Way},
        dice::Dice,
        event::{End, Event},
        flow::Tally,
        ledger::Ledger,
        load::{Load, Wait},
        pace::Pace,
        session::Proof,
        stamp::{self, Stamp},
    },
    Job, Outcome,
};
use crate::failure::{Failure, Kind};

/// Handshakes under way at once, of those who come back.
const AT_ONCE: usize = 512;

/// How often another recipient is looked for, where the last message to one is still under way.
const LOOKS: usize = 8;

/// Messages that are sent before the load looks at what came.
const SENT_PER_TURN: u32 = 64;

/// How long nothing may happen while something is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a turn waits for something to happen.
const LOOK: Duration = Duration::from_millis(20);

/// All sessions of a part.
#[derive(Debug)]
pub(super) struct Share {
    load: Load,
    first: usize,
    sessions: usize,
    dice: Dice,
    /// A node that is called no more.
    avoided: Option<usize>,
    crew: Crew,
}

/// What is known of them.
#[derive(Debug)]
struct Crew {
    size: usize,
    standings: Vec<Standing>,
    ledger: Ledger,
    /// Calls that were not answered yet.
    calls: u64,
    arrivals: Arrivals,
    /// Sessions that are to lose their node.
    doomed: HashSet<usize>,
    /// Those that just lost it.
    lost: Vec<usize>,
    /// Those that are away, and since when.
    away: HashMap<usize, Duration>,
    /// Those that were sent a message while they were.
    missing: HashSet<usize>,
    sent: Tally,
    back: Tally,
    replayed: u64,
    refused: u64,
    /// When the first lost its socket, and when the last came back.
    since: Option<Duration>,
    until: Duration,
    /// When something happened last.
    stirred: Duration,
}

impl Share {
    /// Nobody yet.
    pub(super) fn new(job: &Job) -> Result<Self, Failure> {
        let targets = job.nodes.iter().map(super::Address::target).collect();
        let crew = Crew {
            size: job.size,
            standings: Vec::new(),
            ledger: Ledger::new(job.sessions),
            calls: 0,
            arrivals: Arrivals::new(AT_ONCE),
            doomed: HashSet::new(),
            lost: Vec::new(),
            away: HashMap::new(),
            missing: HashSet::new(),
            sent: Tally::new(),
            back: Tally::new(),
            replayed: 0,
            refused: 0,
            since: None,
            until: Duration::ZERO,
            stirred: Duration::ZERO,
        };
        let load = Load::new(targets, CALLERS)?;
        let (first, sessions) = (job.first, job.sessions);
        Ok(Self { load, first, sessions, dice: Dice::new(), avoided: None, crew })
    }

    /// All come.
    pub(super) fn gather(&mut self) -> Result<Outcome, Failure> {
        let users = self.first..self.first + self.sessions;
        let bodies: Vec<String> = users.map(|user| crowd::ticket_for(&crowd::user(user))).collect();
        self.crew.standings = crowd::gather(&mut self.load, 0, &bodies, Way::Home)?;
        Ok(Outcome::default())
    }

    /// Sends for so long, until all has arrived.
    pub(super) fn send(&mut self, rate: u32, time: Duration) -> Result<Outcome, Failure> {
        let end = self.load.now() + time;
        self.go(rate, |_, now| now >= end)
    }

    /// Calls a node no more, whose sessions may lose it from now on; returns when nothing is under
    /// way there.
    pub(super) fn avoid(&mut self, node: usize) -> Result<(), Failure> {
        self.avoided = Some(node);
        let doomed = (0..self.sessions).filter(|session| self.load.home(*session) == node);
        self.crew.doomed = doomed.collect();
        while self.crew.calls > 0 {
            self.turn(self.load.now() + LOOK)?;
        }
        Ok(())
    }

    /// Sends on until all that lose their node are back, and all has arrived.
    pub(super) fn lose(&mut self, rate: u32) -> Result<Outcome, Failure> {
        self.go(rate, |crew, _| crew.doomed.is_empty() && crew.away.is_empty())
    }

    /// Looks after the sessions for so long.
    pub(super) fn rest(&mut self, time: Duration) -> Result<(), Failure> {
        self.turn(self.load.now() + time)
    }

    fn go(
        &mut self,
        rate: u32,
        is_over: impl Fn(&Crew, Duration) -> bool,
    ) -> Result<Outcome, Failure> {
        let mut pace = Pace::new(Some(rate), self.load.now());
        self.crew.stirred = self.load.now();
        loop {
            let now = self.load.now();
            let is_over = is_over(&self.crew, now);
            if is_over && self.crew.under_way() == 0 {
                return Ok(self.crew.outcome());
            }
            if now > self.crew.stirred + PATIENCE {
                self.crew.ledger.settle()?;
                return Err(Failure::new(Kind::TimedOut, "not everybody got back in time"));
            }
            for _ in 0..SENT_PER_TURN {
                let Some(due) = pace.due(now).filter(|_| !is_over) else { break };
                if !self.post(due)? {
                    break;
                }
                pace.done();
            }
            let next = if is_over { now + LOOK } else { pace.next(now).max(now) };
            self.turn(next.min(now + LOOK))?;
        }
    }

    /// Sends a message to somebody, if one can be sent now; whether it was.
    fn post(&mut self, due: Duration) -> Result<bool, Failure> {
        let looks: [usize; LOOKS] = std::array::from_fn(|_| self.dice.below(self.sessions));
        let mut looks = looks.into_iter();
        let Some(one) = looks.find(|one| self.crew.ledger.is_even(*one)) else { return Ok(false) };
        let caller = self
            .dice
            .round(self.load.nodes())
            .filter(|node| Some(*node) != self.avoided)
            .find_map(|node| self.load.free_caller_at(node));
        let Some(caller) = caller else { return Ok(false) };
        let mut body = br#"{"data":"#.to_vec();
        Stamp { number: self.crew.ledger.sent(one), due }.write(self.crew.size, &mut body);
        body.push(b'}');
        let path = format!("/v1/users/{}/messages", crowd::user(self.first + one));
        self.load.call(caller, Call::post(&path, &body))?;
        self.crew.calls += 1;
        self.crew.sent.begun += 1;
        if self.crew.away.contains_key(&one) {
            self.crew.missing.insert(one);
        }
        Ok(true)
    }

    /// Takes a turn, and sends those back who lost their node.
    fn turn(&mut self, until: Duration) -> Result<(), Failure> {
        let Self { load, crew, .. } = self;
        let until = crew.arrivals.wake_at().map_or(until, |at| at.min(until));
        let clock = load.clock();
        load.turn(Wait::Until(until), |event| crew.told(event, clock.now()))?;
        for session in crew.lost.drain(..) {
            let (home, nodes) = (load.home(session), load.nodes());
            // To the others, as evenly as they were spread before.
            let step = 1 + (session / nodes) % (nodes - 1);
            load.move_to(session, (home + step) % nodes);
            let Standing { token, position } = crew.standings[session];
            crew.arrivals.add(session, Proof::Resume(token, position));
        }
        crew.arrivals.act(load)
    }
}

impl Crew {
    fn told(&mut self, event: Event<'_>, now: Duration) -> Result<(), Failure> {
        self.stirred = now;
        match event {
            Event::Answered { status: 200, .. } => self.calls -= 1,
            Event::Answered { status, body, .. } => return Err(crowd::refused(status, body)),
            Event::Welcomed { session, welcome } => {
                if !welcome.resumed {
                    let text = format!("session {session} came back as another one");
                    return Err(Failure::failed(text));
                }
                self.arrivals.welcomed(session);
                self.standings[session].token = welcome.resume;
                if let Some(since) = self.away.remove(&session) {
                    self.back.arrived(since, now);
                    self.until = now;
                }
            }
            Event::Text { text, .. } if text.starts_with(br#"{"type":"caught_up""#) => {}
            Event::Text { session, text } => {
                let stamp = crowd::stamp(session, text, self.size)?;
                self.ledger.came(session, stamp.number)?;
                if let Some(position) = stamp::position(text) {
                    self.standings[session].position = position;
                }
                if self.missing.remove(&session) {
                    self.replayed += 1;
                } else {
                    self.sent.arrived(stamp.due, now);
                }
            }
            Event::Closed { session, end } => self.closed(session, end, now)?,
        }
        Ok(())
    }

    fn closed(&mut self, session: usize, end: End, now: Duration) -> Result<(), Failure> {
        if self.doomed.remove(&session) {
            self.since.get_or_insert(now);
            self.away.insert(session, now);
            self.lost.push(session);
        } else if self.arrivals.closed(session, end, now)? {
            self.refused += 1;
        } else {
            return Err(crowd::lost(session, end));
        }
        Ok(())
    }

    fn under_way(&self) -> u64 {
        self.calls + self.ledger.under_way()
    }

    /// What came of an order; the next one begins anew.
    fn outcome(&mut self) -> Outcome {
        let sent = std::mem::replace(&mut self.sent, Tally::new());
        let back = std::mem::replace(&mut self.back, Tally::new());
        let replayed = std::mem::take(&mut self.replayed);
        Outcome {
            messages: sent.begun,
            deliveries: sent.arrived + replayed,
            taken: sent.times(),
            resumed: back.arrived,
            replayed,
            refused: std::mem::take(&mut self.refused),
            away: self.since.take().map_or(Duration::ZERO, |since| self.until - since),
            back: back.times(),
        }
    }
}
