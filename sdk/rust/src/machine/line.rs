//! Line: an open socket, what comes over it, and whether it still lives.

use std::time::Duration;

use protocol::{
    close::CloseCode,
    frame::{
        By, Closing,
        heard::{Heard, Message, Welcome},
        said::Said,
    },
    limit,
};

use super::{Machine, Output, Phase, moment::Moment};
use crate::{
    event::{Event, Gap},
    pace::Pace,
    state::{Cause, End, Live, State},
};

/// How long after the announced end a server may take to close the socket.
const OVERDUE: Duration = limit::CLOSE_WAIT;

/// An open socket, after its `welcome`.
#[derive(Debug)]
pub(super) struct Line {
    /// Since when.
    pub(super) since: Moment,
    /// When something last came.
    heard: Moment,
    /// Silence after which it is asked whether the server is there.
    ask_after: Duration,
    /// Silence after which the socket counts as dead.
    dead_after: Duration,
    /// Whether it was asked.
    asked: bool,
    /// Whether it said that it leaves.
    pub(super) has_left: bool,
}

impl Line {
    fn new(now: Moment, ping_ms: u64, pace: &Pace) -> Self {
        let ping = Duration::from_millis(ping_ms);
        Self {
            since: now,
            heard: now,
            // The server asks first, unless it hears from here all the time.
            ask_after: ping.saturating_add(pace.silence / 2),
            dead_after: ping.saturating_add(pace.silence),
            asked: false,
            has_left: false,
        }
    }

    /// When it is to be looked after, if nothing comes before.
    pub(super) fn due(&self) -> Moment {
        self.heard.after(if self.asked { self.dead_after } else { self.ask_after })
    }
}

/// What the server said of a socket's end.
#[derive(Debug)]
pub(super) struct Notice {
    /// With which code it will close.
    code: u16,
    /// When to come back, if it said so.
    pub(super) back: Option<Moment>,
    /// Who took the place, if somebody did.
    pub(super) by: Option<By>,
    /// When its word is taken for the deed.
    pub(super) overdue: Moment,
}

impl Notice {
    fn new(now: Moment, closing: Closing) -> Self {
        let back = closing.retry_ms.map(|ms| Moment(now.0.saturating_add(ms)));
        let overdue = back.unwrap_or(now).after(OVERDUE);
        Self { code: closing.code, back, by: closing.by, overdue }
    }

    /// The answer to a handshake said when to come back.
    pub(super) fn refused(now: Moment, wait: Duration) -> Self {
        let back = now.after(wait);
        Self { code: CloseCode::Overloaded.number(), back: Some(back), by: None, overdue: back }
    }
}

impl Machine {
    /// Something came: the server is there.
    pub(super) fn alive(&mut self, now: Moment) {
        if let Phase::Live(line) = &mut self.phase {
            line.heard = now;
            line.asked = false;
        }
    }

    pub(super) fn text(&mut self, now: Moment, text: &str) {
        self.alive(now);
        match (Heard::read(text), &self.phase) {
            (Ok(Heard::Welcome(welcome)), Phase::Dialing { .. }) => self.welcome(now, *welcome),
            (Ok(Heard::Closing(closing)), Phase::Dialing { .. } | Phase::Live(_)) => {
                self.notice = Some(Notice::new(now, closing));
            }
            (Ok(Heard::Ping), Phase::Dialing { .. } | Phase::Live(_)) => self.say(&Said::Pong),
            (Ok(heard), Phase::Live(_)) => self.heard(now, heard),
            // Only a `welcome` makes a session; what comes before it is for newer SDKs than this.
            (Ok(_), _) => {}
            (Err(unheard), _) => self.lost(now, Cause::Broken(unheard.to_string())),
        }
    }

    fn heard(&mut self, now: Moment, heard: Heard) {
        match heard {
            Heard::Message(message) => self.message(*message),
            Heard::Gap(gap) => {
                self.place.mark = Some(gap.until.clone());
                self.outputs.push_back(Output::Deliver(Event::Gap(gap.into())));
            }
            Heard::Reply(reply) => {
                let settled = reply
                    .reference
                    .and_then(|reference| self.posts.replied(now, &reference, reply.outcome));
                self.settle(settled);
            }
            Heard::Welcome(_) | Heard::CaughtUp(_) | Heard::Ping | Heard::Pong => {}
            Heard::Closing(_) | Heard::Unknown => {}
        }
    }

    fn message(&mut self, message: Message) {
        if let Some(position) = &message.position {
            self.place.mark = Some(position.clone());
        }
        if self.seen.is_new(message.id) {
            self.outputs.push_back(Output::Deliver(Event::Message(message.into())));
        }
    }

    fn welcome(&mut self, now: Moment, welcome: Welcome) {
        if self.place.is_other(Some(&welcome.user)) {
            self.say(&Said::Leave);
            self.end(End::OtherUser);
            return;
        }
        let was = self.place.session.zip(self.place.mark.clone());
        if let Some((session, after)) = was
            && session != welcome.session
        {
            let gap = Gap::new_session(after, welcome.position.clone());
            self.outputs.push_back(Output::Deliver(Event::Gap(gap)));
            self.acked = None;
        }
        self.urls.offer(&welcome.urls);
        self.phase = Phase::Live(Line::new(now, welcome.ping_ms, &self.pace));
        self.outputs.push_back(Output::Tell(State::Live(Live {
            session: welcome.session,
            user: welcome.user.clone(),
            node: welcome.node,
            resumed: welcome.resumed,
        })));
        let Welcome { session, user, resume, position, resumed, .. } = welcome;
        self.place.welcomed(session, user, resume, position);
        if resumed {
            // The token before is good until something is heard from here. An earlier try that is
            // still on its way with it would take this session over.
            self.say(&Said::Pong);
        }
        // The last one may have been lost with the socket.
        if let Some(acked) = self.acked.clone() {
            self.ack.set(acked);
        }
    }

    /// Says that the session leaves, once.
    pub(super) fn say_goodbye(&mut self) {
        let Phase::Live(line) = &mut self.phase else { return };
        if !std::mem::replace(&mut line.has_left, true) {
            self.say(&Said::Leave);
        }
    }

    /// Asks a silent server whether it is there, gives up on one that does not answer, and on one
    /// that said it would close and does not.
    pub(super) fn look_after(&mut self, now: Moment) {
        if let Some(notice) = &self.notice
            && notice.overdue <= now
        {
            let reason = CloseCode::from_number(notice.code).map_or("", CloseCode::name);
            let (code, reason) = (notice.code, reason.to_owned());
            self.closed(now, code, reason);
            return;
        }
        let Phase::Live(line) = &mut self.phase else { return };
        if self.stalled || line.due() > now {
            return;
        }
        if std::mem::replace(&mut line.asked, true) {
            self.lost(now, Cause::Silent);
        } else {
            self.say(&Said::Ping);
        }
    }
}
