//! Bringing a session up to now: `welcome`, what it missed, and the step to following.

use protocol::{
    close::CloseCode,
    frame::{self, GapReason, ToSession, Welcome},
    position::Position,
};

use super::{
    Output, Shard, Slot,
    deliver::{Need, shown},
};
use crate::{
    moment::Moment,
    plan,
    session::{Opening, Phase},
    stream::Page,
};

impl Shard {
    /// One page of the stream of a session that is opening or replaying.
    pub(super) fn page(&mut self, now: Moment, slot: Slot, page: Option<Page>) {
        if self.partition(slot).is_some_and(|partition| self.is_frozen(partition)) {
            self.put_off(slot);
            return;
        }
        let Some(page) = page else {
            if self.get(slot).is_some_and(|session| !session.is_opening()) {
                let closing = frame::Closing::new(CloseCode::Overloaded);
                self.tell(slot, &ToSession::Closing(&closing));
            }
            self.park(slot, CloseCode::Overloaded);
            return;
        };
        let Some(session) = self.get_mut(slot) else { return };
        let following = Phase::Following;
        let (seen, tell) = match std::mem::replace(&mut session.phase, following) {
            Phase::Opening(opening) => {
                session.phase =
                    Phase::Replaying { seen: opening.seen, waiting: false, tell: false };
                self.welcome(now, slot, &opening);
                (opening.seen, opening.replay)
            }
            Phase::Replaying { seen, tell, .. } => (seen, tell),
            Phase::Following => return,
        };
        let until = self.replay(slot, &page, tell);
        let Some(session) = self.get_mut(slot) else { return };
        session.position = until;
        if page.more || page.until > until || seen > until {
            session.phase = Phase::Replaying { seen, waiting: true, tell };
            if session.outbox.is_none() {
                self.read_on(slot);
            }
            return;
        }
        session.phase = Phase::Following;
        let caught_up = (self.options.encode)(&ToSession::CaughtUp(until));
        if tell && !self.write(slot, caught_up, Need::Again) {
            let Some(session) = self.get_mut(slot) else { return };
            session.phase = Phase::Replaying { seen, waiting: true, tell };
        }
    }

    fn welcome(&mut self, now: Moment, slot: Slot, opening: &Opening) {
        let ping_ms = u64::try_from(self.options.ping.as_millis()).unwrap_or(u64::MAX);
        let turn = self.turn;
        let Some(session) = self.get_mut(slot) else { return };
        session.welcomed_in = session.welcomed_in.map(|_| turn);
        let (fenced, user) = (session.fenced, session.user.clone());
        let welcome = Welcome {
            session: fenced.session,
            user: user.clone(),
            position: session.position,
            resume: opening.token,
            resumed: opening.resumed,
            ping_ms,
            node: self.options.node.clone(),
            urls: opening.urls.clone(),
        };
        self.tell(slot, &ToSession::Welcome(&welcome));
        self.outputs.push_back(Output::Opened(fenced, user, opening.resumed));
        if let Some(until) = self.leaving_until {
            self.tell_to_leave(now, slot, until);
        }
    }

    /// Writes what the outbox has room for; tells up to where the session has everything.
    fn replay(&mut self, slot: Slot, page: &Page, replayed: bool) -> Position {
        if let Some(gap) = &page.gap {
            let gaps = &mut self.counts.gaps;
            match gap.reason {
                GapReason::Expired => gaps.expired += 1,
                GapReason::Overflow => gaps.overflow += 1,
                GapReason::Epoch => gaps.epoch += 1,
            }
            self.tell(slot, &ToSession::Gap(gap));
        }
        for message in &page.messages {
            let (Some(session), Some(position)) = (self.get(slot), message.position) else {
                continue;
            };
            if !plan::matches(message, &session.member()) {
                continue;
            }
            let shown: frame::Message<'_> = shown(message, replayed);
            let frame = (self.options.encode)(&ToSession::Message(shown));
            if !self.write(slot, frame, Need::Again) {
                return Position { seq: position.seq - 1, ..position };
            }
            match replayed {
                true => self.counts.replayed += 1,
                false => self.counts.delivered += 1,
            }
        }
        page.until
    }

    /// Reads the next page, if one waits for the socket to have taken the last.
    pub(super) fn read_on(&mut self, slot: Slot) {
        let Some(session) = self.get_mut(slot) else { return };
        let waiting = match &mut session.phase {
            Phase::Opening(opening) => &mut opening.waiting,
            Phase::Replaying { waiting, .. } => waiting,
            Phase::Following => return,
        };
        if std::mem::take(waiting) {
            let reader = session.reader();
            self.outputs.push_back(Output::Read(slot, reader));
        }
    }
}
