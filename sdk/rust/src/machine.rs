//! Machine: the rules of a session, as values.
//!
//! When to come back and with what, which messages are new, what becomes of sends, when a socket
//! counts as dead. What happens comes in, with the time; what is to be done comes out. So each rule
//! is tested without a socket, and without waiting.
//!
//! Must not know: sockets, tasks, clocks, randomness.

// Top floor first. A module names only those below it; `cargo xtask tidy` checks.
mod way;
mod line;
mod posts;
mod place;
mod urls;
mod paced;
mod seen;
mod retry;
mod moment;

use std::{collections::VecDeque, time::Duration};

use protocol::{frame::said::Said, limit, position::Mark};

use self::{
    line::{Line, Notice},
    paced::Paced,
    place::Place,
    posts::Posts,
    retry::Retry,
    seen::Seen,
    urls::Urls,
};
pub(crate) use self::{moment::Moment, place::Proof, posts::PostId};
use crate::{
    event::{Event, Raw},
    outgoing::{Halt, Letter, Outcome, SendError},
    pace::Pace,
    state::{Cause, End, State},
    ticket::{NoTicket, Reason, Ticket},
};

/// The server takes no news of activity before that.
const ACTIVE_EVERY: Duration = Duration::from_secs(5);

/// The server takes no `ack` before that.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// The longest wait that a server may ask for. A wrong number should not keep a session out.
const HINT_MAX: Duration = Duration::from_secs(300);

/// How long leaving may take; then the session is given up, and the server finds out by itself.
const LEAVE_MAX: Duration = limit::CLOSE_WAIT;

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// The session begins.
    Start,
    /// The app has a ticket, or has none.
    Ticket(Result<Ticket, NoTicket>),
    /// No socket could be opened. The server may have said when to come back.
    NotOpened(String, Option<Duration>),
    /// A text frame came.
    Text(String),
    /// Another frame came.
    Life,
    /// The server closes the socket.
    Closed(u16, String),
    /// The socket is gone without a word.
    Lost(String),
    /// The app takes no more events for now, so nothing is read.
    Stalled,
    /// It takes events again.
    Flowing,
    /// The app sends a message.
    Send(PostId, Letter),
    /// The app writes a frame of its own.
    Say(String),
    /// The app's user is looking at it.
    Active,
    /// The app has processed all up to there.
    Ack(Mark),
    /// The app wants to be without a socket for so long.
    Away(Duration),
    /// The app wants to leave.
    Leave,
    /// Time has passed.
    Wake,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Ask the app for a ticket.
    GetTicket(Reason),
    /// Open a socket.
    Dial {
        /// Where.
        url: String,
        /// With what.
        proof: Proof,
    },
    /// Write a frame.
    Write(String),
    /// Drop the socket, or whatever is done to get one.
    HangUp,
    /// Give this to the app. At most one for a frame.
    Deliver(Event<Raw>),
    /// A send is settled.
    Settle(PostId, Outcome),
    /// The session stands like this now.
    Tell(State),
}

/// What is being done about a socket.
#[derive(Debug)]
enum Phase {
    /// The app is asked for a ticket.
    Asking { until: Moment },
    /// A socket is opened, or the `welcome` is awaited.
    Dialing { until: Moment },
    /// The session is live.
    Live(Line),
    /// It waits before the next try.
    Waiting { until: Moment },
    /// It is over.
    Ended,
}

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Setup {
    /// Where to connect.
    pub(crate) url: String,
    /// From where to go on.
    pub(crate) after: Option<Mark>,
    /// Times.
    pub(crate) pace: Pace,
    /// Something random, to spread waits.
    pub(crate) seed: u64,
    /// Something random and unique, which keys begin with.
    pub(crate) key: String,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Machine {
    pace: Pace,
    phase: Phase,
    place: Place,
    urls: Urls,
    retry: Retry,
    seen: Seen,
    posts: Posts,
    active: Paced<()>,
    ack: Paced<Mark>,
    /// The last position that the app had processed.
    acked: Option<Mark>,
    /// What the server said of this socket's end.
    notice: Option<Notice>,
    /// Until when it has left, if it wants to leave.
    leaving: Option<Moment>,
    /// Whether nothing is read, because the app takes nothing. Silence means nothing then, and
    /// there is no use in another socket.
    stalled: bool,
    outputs: VecDeque<Output>,
}

impl Machine {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            pace: setup.pace,
            phase: Phase::Waiting { until: Moment::default() },
            place: Place::new(setup.after),
            urls: Urls::new(setup.url),
            retry: Retry::new(setup.seed),
            seen: Seen::default(),
            posts: Posts::new(setup.key),
            active: Paced::new(ACTIVE_EVERY),
            ack: Paced::new(ACK_EVERY),
            acked: None,
            notice: None,
            leaving: None,
            stalled: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened. Then all that [`Self::poll`] gives is to be done.
    pub(crate) fn handle(&mut self, now: Moment, input: Input) {
        if self.is_ended() {
            if let Input::Send(id, _) = input {
                self.settle([(id, Err(SendError::NotSent(Halt::Ended)))]);
            }
            return;
        }
        match input {
            Input::Start => self.connect(now),
            Input::Ticket(answer) => self.ticket(now, answer),
            Input::NotOpened(why, retry) => {
                self.urls.pass_over();
                self.notice = retry.map(|wait| Notice::refused(now, wait));
                self.wait(now, Cause::Unreachable(why));
            }
            Input::Text(text) => self.text(now, &text),
            Input::Life => self.alive(now),
            Input::Closed(code, reason) => self.closed(now, code, reason),
            Input::Lost(why) => self.lost(now, Cause::Broken(why)),
            Input::Stalled => self.stalled = true,
            Input::Flowing => {
                self.stalled = false;
                self.alive(now);
            }
            Input::Send(id, letter) => self.send(now, id, letter),
            Input::Say(text) => self.write_if_live(text),
            Input::Active => self.active.set(()),
            Input::Ack(mark) => {
                self.acked = Some(mark.clone());
                self.ack.set(mark);
            }
            Input::Away(wait) => self.stay_away(now, wait, Cause::Asked),
            Input::Leave => self.leave(now),
            Input::Wake => self.wake(now),
        }
        self.say_due(now);
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to say [`Input::Wake`], if nothing else happens before.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        let phase = match &self.phase {
            Phase::Asking { until } | Phase::Dialing { until } => Some(*until),
            Phase::Waiting { until } => (!self.stalled).then_some(*until),
            Phase::Live(line) => {
                let due = (!self.stalled).then(|| line.due());
                let news = self.active.due().into_iter().chain(self.ack.due()).min();
                let overdue = self.notice.as_ref().map(|notice| notice.overdue);
                let written = self.posts.again();
                due.into_iter().chain(news).chain(overdue).chain(written).min()
            }
            Phase::Ended => return None,
        };
        phase.into_iter().chain(self.posts.over()).chain(self.leaving).min()
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    fn send(&mut self, now: Moment, id: PostId, letter: Letter) {
        let error = if self.leaving.is_some() {
            Some(SendError::NotSent(Halt::Ended))
        } else if letter.volatile && !self.is_live() {
            Some(SendError::NotSent(Halt::NoSocket))
        } else {
            self.posts.add(id, letter, now.after(self.pace.send_max))
        };
        self.settle(error.map(|error| (id, Err(error))));
    }

    fn settle(&mut self, settled: impl IntoIterator<Item = (PostId, Outcome)>) {
        self.outputs.extend(settled.into_iter().map(|(id, outcome)| Output::Settle(id, outcome)));
    }

    /// Leaves when what was sent before is settled.
    fn leave(&mut self, now: Moment) {
        if self.leaving.is_some() {
            return;
        }
        self.leaving = Some(now.after(LEAVE_MAX));
        self.leave_if_nothing_is_there();
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.connect(now);
        }
    }

    /// Without a session there is nothing to leave.
    fn leave_if_nothing_is_there(&mut self) {
        let idle = matches!(self.phase, Phase::Asking { .. } | Phase::Waiting { .. });
        if self.leaving.is_some() && idle && !self.place.can_resume() && self.posts.is_empty() {
            self.end(End::Left);
        }
    }

    fn end(&mut self, end: End) {
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::HangUp);
        let settled = self.posts.end();
        self.settle(settled);
        self.outputs.push_back(Output::Tell(State::Ended(end)));
    }

    fn wake(&mut self, now: Moment) {
        let settled = self.posts.expire(now);
        self.settle(settled);
        if self.leaving.is_some_and(|until| until <= now) {
            return self.end(End::Left);
        }
        let pace = self.pace;
        match &self.phase {
            Phase::Asking { until } if *until <= now => {
                self.wait(now, Cause::NoTicket(format!("none came within {:?}", pace.ticket_max)));
            }
            Phase::Dialing { until } if *until <= now => {
                self.urls.pass_over();
                let why = format!("no welcome came within {:?}", pace.connect_max);
                self.wait(now, Cause::Unreachable(why));
            }
            Phase::Waiting { until } if *until <= now && !self.stalled => self.connect(now),
            Phase::Live(_) => self.look_after(now),
            Phase::Asking { .. } | Phase::Dialing { .. } | Phase::Waiting { .. } => {}
            Phase::Ended => {}
        }
    }

    /// Writes what may be written now: sends, news, and last the wish to leave.
    fn say_due(&mut self, now: Moment) {
        if !self.is_live() {
            return;
        }
        while let Some(send) = self.posts.write(now) {
            self.outputs.push_back(Output::Write(send));
        }
        if self.active.take(now).is_some() {
            self.say(&Said::Active);
        }
        if let Some(position) = self.ack.take(now) {
            self.say(&Said::Ack { position: &position });
        }
        if self.leaving.is_some() && self.posts.is_empty() {
            self.say_goodbye();
        }
    }

    fn say(&mut self, said: &Said<'_>) {
        self.outputs.push_back(Output::Write(said.text()));
    }

    fn write_if_live(&mut self, text: String) {
        if self.is_live() {
            self.outputs.push_back(Output::Write(text));
        }
    }
}

#[cfg(test)]
mod tests;
