//! Story: the lines of a log, put together by what they are about.

use std::collections::{BTreeMap, HashMap};

use protocol::position::Position;

use crate::{
    fault::Fault,
    log::{Entry, Fate, Listed, Name, Phase, Policy, What},
    shape::Shape,
};

/// A point in the log: when, and which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark {
    pub(crate) at: u64,
    pub(crate) line: usize,
}

/// What came on a socket.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Message {
        id: String,
        position: Option<Position>,
        name: Name,
        to: String,
        digest: String,
        echo: bool,
    },
    Gap {
        after: Position,
        until: Position,
        reason: String,
    },
    CaughtUp(Position),
    Closing {
        code: u16,
        retry_ms: Option<u64>,
    },
}

/// A visitor's `welcome`.
#[derive(Debug, Clone)]
pub(crate) struct Welcome {
    pub(crate) mark: Mark,
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) node: String,
    pub(crate) resumed: bool,
    pub(crate) position: Position,
    pub(crate) token: String,
}

/// The end of a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) mark: Mark,
    pub(crate) code: Option<u16>,
}

/// A socket, from the first try to its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Socket {
    pub(crate) dialed: Mark,
    pub(crate) by: String,
    pub(crate) user: String,
    pub(crate) ticket: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) after: Option<Position>,
    pub(crate) welcome: Option<Welcome>,
    pub(crate) items: Vec<(Mark, Item)>,
    pub(crate) end: Option<End>,
    /// Why it must not be let in.
    pub(crate) trespass: Option<String>,
}

impl Socket {
    /// When its session was there: from the `welcome` to the end.
    pub(crate) fn is_open(&self, at: u64) -> bool {
        let began = self.welcome.as_ref().is_some_and(|welcome| welcome.mark.at <= at);
        began && self.end.is_none_or(|end| end.mark.at > at)
    }
}

/// One try to send a message, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    pub(crate) began: Mark,
    pub(crate) node: String,
    pub(crate) socket: Option<u64>,
    pub(crate) ended: Option<Mark>,
    pub(crate) fate: Fate,
    pub(crate) id: Option<String>,
    pub(crate) position: Option<Position>,
    pub(crate) matched: u64,
}

/// A message, by its payload.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) to: String,
    pub(crate) digest: String,
    pub(crate) tries: Vec<Try>,
}

impl Sent {
    /// The tries that were answered with "accepted".
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Try> {
        self.tries.iter().filter(|one| one.fate == Fate::Accepted)
    }

    pub(crate) fn began(&self) -> Mark {
        self.tries.first().map_or_else(Mark::default, |first| first.began)
    }
}

/// A fault, and its times.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) fault: Fault,
    pub(crate) node: Option<String>,
    pub(crate) begins: Mark,
    pub(crate) holds: u64,
    pub(crate) mends: u64,
    pub(crate) over: u64,
}

/// A list of all sessions.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) mark: Mark,
    pub(crate) asked: u64,
    pub(crate) sessions: Vec<Listed>,
}

/// Bounds of a run, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) lease: u64,
    pub(crate) window: u64,
    pub(crate) ping: u64,
    pub(crate) pong: u64,
    pub(crate) drain: u64,
    pub(crate) resumes_per_second: u64,
    pub(crate) shape: Shape,
}

/// What happened to a node's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Started,
    Ready,
    Told,
    Exited { code: Option<i32>, ours: bool },
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) terms: Terms,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    /// Sockets that were welcomed as a session, in that order.
    pub(crate) sessions: BTreeMap<String, Vec<u64>>,
    pub(crate) messages: BTreeMap<Name, Sent>,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) tickets: HashMap<String, (Mark, String, Policy, u64)>,
    pub(crate) kicked: Vec<(Mark, String)>,
    pub(crate) kicking: Vec<(Mark, String)>,
    pub(crate) blocking: Vec<(Mark, String)>,
    pub(crate) blocked: Vec<(Mark, String)>,
    pub(crate) unblocking: Vec<(Mark, String)>,
    pub(crate) lists: Vec<List>,
    pub(crate) turns: Vec<(Mark, String, Turn)>,
    pub(crate) cries: Vec<(Mark, String)>,
    pub(crate) strange: Vec<(Mark, u64)>,
    pub(crate) misused: Vec<(Mark, String, u16)>,
    pub(crate) dozes: Vec<(u64, u64, u64)>,
    pub(crate) trying: Vec<(Mark, String, String)>,
    /// When this process did not get to run: when it saw that, and how long.
    pub(crate) late: Vec<(u64, u64)>,
    pub(crate) healed: Option<Mark>,
    pub(crate) over: Option<Mark>,
    pub(crate) ends_at: u64,
}

impl Story {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut story = Self::default();
        for (line, entry) in entries.iter().enumerate() {
            story.ends_at = entry.at;
            story.take(Mark { at: entry.at, line }, entry.what.clone());
        }
        story
    }

    /// What this machine withheld in this time: bounds are so much longer.
    pub(crate) fn withheld(&self, from: u64, to: u64) -> u64 {
        let within = self.late.iter().filter(|(at, ms)| *at >= from && at - ms <= to);
        within.map(|(_, ms)| ms).sum()
    }

    /// Whether more than this, and all that the machine withheld, lies between two times.
    pub(crate) fn exceeds(&self, from: u64, to: u64, bound: u64) -> bool {
        to > from && to - from > bound + self.withheld(from, to)
    }

    /// Faults that this one of, between begin and end, some time of those is.
    pub(crate) fn troubles_in(&self, from: u64, to: u64) -> impl Iterator<Item = &Trouble> {
        self.troubles.iter().filter(move |one| one.begins.at <= to && one.over >= from)
    }

    fn take(&mut self, mark: Mark, what: What) {
        match what {
            What::Plan { .. } => {}
            What::Terms { lease, window, ping, pong, drain, resumes_per_second, shape } => {
                self.terms = Terms { lease, window, ping, pong, drain, resumes_per_second, shape };
            }
            What::Fault { fault, node, phase } => self.fault(mark, &fault, node, phase),
            What::Healed => self.healed = Some(mark),
            What::Over => self.over = Some(mark),
            What::Late { ms } => self.late.push((mark.at, ms)),
            What::Started { node } => self.turns.push((mark, node, Turn::Started)),
            What::Ready { node } => self.turns.push((mark, node, Turn::Ready)),
            What::Told { node } => self.turns.push((mark, node, Turn::Told)),
            What::Exited { node, code, ours } => {
                self.turns.push((mark, node, Turn::Exited { code, ours }));
            }
            What::Cried { line, .. } => self.cries.push((mark, line)),
            What::Minted { ticket, user, policy, expires_at, .. } => {
                self.tickets.insert(ticket, (mark, user, policy, expires_at));
            }
            What::Strange { socket, .. } => self.strange.push((mark, socket)),
            What::Dozes { socket, ms } => self.dozes.push((socket, mark.at, mark.at + ms)),
            What::Misused { key, status } => self.misused.push((mark, key, status)),
            What::Kicking { session } => self.kicking.push((mark, session)),
            What::Kicked { session, .. } => self.kicked.push((mark, session)),
            What::Blocking { user } => self.blocking.push((mark, user)),
            What::Blocked { user } => self.blocked.push((mark, user)),
            What::Unblocking { user } => self.unblocking.push((mark, user)),
            What::Registry { asked, sessions, .. } => {
                self.lists.push(List { mark, asked, sessions });
            }
            What::Trying { by, user } => self.trying.push((mark, by, user)),
            What::Sending { name, to, digest, node, socket, .. } => {
                let sent = Sent { to, digest, tries: Vec::new() };
                self.messages.entry(name).or_insert(sent).tries.push(Try {
                    began: mark,
                    node,
                    socket,
                    ended: None,
                    fate: Fate::Unknown,
                    id: None,
                    position: None,
                    matched: 0,
                });
            }
            What::Sent { name, fate, id, position, matched, .. } => {
                let tries = self.messages.get_mut(&name).map(|sent| &mut sent.tries);
                if let Some(last) = tries.and_then(|tries| tries.last_mut()) {
                    let Try { began, node, socket, .. } = last.clone();
                    let ended = Some(mark);
                    *last = Try { began, node, socket, ended, fate, id, position, matched };
                }
            }
            other => self.of_socket(mark, other),
        }
    }

    fn fault(&mut self, mark: Mark, fault: &str, node: Option<String>, phase: Phase) {
        if phase == Phase::Begins {
            let Ok(fault) = fault.parse() else { return };
            let never = u64::MAX;
            let (begins, holds, mends, over) = (mark, never, never, never);
            self.troubles.push(Trouble { fault, node, begins, holds, mends, over });
            return;
        }
        let is_it = |one: &&mut Trouble| one.fault.name() == fault && one.node == node;
        let Some(one) = self.troubles.iter_mut().rev().find(is_it) else { return };
        match phase {
            Phase::Begins => {}
            Phase::Holds => one.holds = mark.at,
            Phase::Mends => one.mends = mark.at,
            Phase::Over => one.over = mark.at,
        }
    }

    fn of_socket(&mut self, mark: Mark, what: What) {
        let (number, item) = match what {
            What::Dial { socket, by, user, ticket, token, after, .. } => {
                let new =
                    Socket { dialed: mark, by, user, ticket, token, after, ..Socket::default() };
                self.sockets.insert(socket, new);
                return;
            }
            What::Trespass { socket, why } => {
                return self.socket(socket, |socket| socket.trespass = Some(why));
            }
            What::Welcome { socket, session, user, node, resumed, position, token } => {
                self.sessions.entry(session.clone()).or_default().push(socket);
                let welcome = Welcome { mark, session, user, node, resumed, position, token };
                return self.socket(socket, |socket| socket.welcome = Some(welcome));
            }
            What::Closed { socket, code, .. } => {
                // The first word counts.
                let end = End { mark, code };
                return self.socket(socket, |socket| {
                    socket.end.get_or_insert(end);
                });
            }
            What::Message { socket, id, position, name, to, digest, echo, .. } => {
                (socket, Item::Message { id, position, name, to, digest, echo })
            }
            What::Gap { socket, after, until, reason } => {
                (socket, Item::Gap { after, until, reason })
            }
            What::CaughtUp { socket, position } => (socket, Item::CaughtUp(position)),
            What::Closing { socket, code, retry_ms } => (socket, Item::Closing { code, retry_ms }),
            _ => return,
        };
        self.socket(number, |socket| socket.items.push((mark, item)));
    }

    fn socket(&mut self, number: u64, change: impl FnOnce(&mut Socket)) {
        if let Some(socket) = self.sockets.get_mut(&number) {
            change(socket);
        }
    }
}
