//! How sessions part: by their own will, by silence, by the engine's word, by the node's end.

use std::time::Duration;

use protocol::{
    close::CloseCode,
    frame::{self, ToSession},
    limit::PROBE_WAIT,
    name::UserId,
};

use super::{
    Closing, EARLY_ENDS_MAX, EarlyEnd, NO_CODE, OVER, Output, Parting, Shard, Slot, Violation,
    deliver::Need,
};
use crate::{
    message::{End, Fenced},
    moment::Moment,
    session::{Ping, Session},
};

/// How long an end is remembered for a session that is not here yet.
const EARLY_END_WAIT: Duration = Duration::from_secs(10);

/// RFC 6455, section 7.4.1: the purpose for which the connection was opened is fulfilled.
pub(super) const NORMAL: u16 = 1000;

fn parting(session: &Session, code: u16) -> Parting {
    Parting { fenced: session.fenced, user: session.user.clone(), code }
}

fn closing(session: Session, code: u16, reason: &'static str) -> Closing {
    Closing { code, reason, outbox: session.outbox }
}

impl Shard {
    /// The session may come back: its socket closes with `code`, and the engine keeps its place.
    pub(super) fn park(&mut self, slot: Slot, code: CloseCode) {
        let Some(mut session) = self.remove(slot) else { return };
        let parting = parting(&session, code.number());
        self.forget_waiting(&mut session);
        if code == CloseCode::Slow
            && let Some(outbox) = &mut session.outbox
        {
            // It would not be read in time; the stream has it.
            outbox.keep_begun();
        }
        // The socket takes what it was given before it closes, a `welcome` too.
        self.outputs.push_back(match session.awaits_welcome() {
            true => Output::Release(parting),
            false => Output::Park(parting),
        });
        self.outputs.push_back(Output::Close(slot, closing(session, code.number(), code.name())));
    }

    /// The socket is gone without a word. A new session that never got its `welcome` cannot know
    /// that it exists, so it ends; any other may come back.
    pub(super) fn lost(&mut self, slot: Slot) {
        let Some(session) = self.remove(slot) else { return };
        let parting = parting(&session, 1006);
        self.outputs.push_back(match session.is_unwelcomed(self.turn) {
            true => Output::Release(parting),
            false => Output::Park(parting),
        });
    }

    /// The session said goodbye: for good with 1000 or no code, else for now.
    pub(super) fn left(&mut self, slot: Slot, code: Option<u16>) {
        let Some(mut session) = self.remove(slot) else { return };
        let parting = parting(&session, code.unwrap_or(NO_CODE));
        self.forget_waiting(&mut session);
        self.outputs.push_back(match code {
            None | Some(NORMAL) => Output::Release(parting),
            Some(_) if session.is_unwelcomed(self.turn) => Output::Release(parting),
            Some(_) => Output::Park(parting),
        });
        let echoed = code.unwrap_or(NO_CODE);
        self.outputs.push_back(Output::Close(slot, closing(session, echoed, "")));
    }

    /// The session broke the rules and ends.
    pub(super) fn violation(&mut self, slot: Slot, violation: Violation) {
        let Some(mut session) = self.remove(slot) else { return };
        self.outputs.push_back(Output::Release(parting(&session, violation.code)));
        self.forget_waiting(&mut session);
        let closing = closing(session, violation.code, violation.reason);
        self.outputs.push_back(Output::Close(slot, closing));
    }

    /// The engine ended sessions of a user; those not here yet are remembered.
    pub(super) fn end_all(&mut self, now: Moment, user: &UserId, ended: &[Fenced], end: &End) {
        let slots = self.slots_of(user);
        for fenced in ended {
            // Of one session an earlier or a later socket may be here, and the one that is meant
            // still to come.
            let mut was_here = false;
            for slot in &slots {
                let Some(session) = self.get(*slot) else { continue };
                if session.fenced.session != fenced.session {
                    continue;
                }
                was_here |= session.fenced.fence == fenced.fence;
                if session.fenced.fence <= fenced.fence {
                    self.end(*slot, end);
                }
            }
            if !was_here {
                self.forget_early_ends(now);
                let until = now.after(EARLY_END_WAIT);
                self.early_ends.push_back(EarlyEnd { fenced: *fenced, end: end.clone(), until });
            }
        }
    }

    /// A session was admitted again, here: its socket of before is void, whether or not anybody tells of
    /// it, since who looks for what was missed finds the session in its place.
    pub(super) fn take_over(&mut self, user: &UserId, admitted: Fenced) {
        let is_earlier = |one: &Session| {
            one.fenced.session == admitted.session && one.fenced.fence < admitted.fence
        };
        for slot in self.slots_of(user) {
            if self.get(slot).is_some_and(is_earlier) {
                self.end(slot, &End { code: CloseCode::TakenOver, by: None });
            }
        }
    }

    fn forget_early_ends(&mut self, now: Moment) {
        while self.early_ends.len() >= EARLY_ENDS_MAX
            || self.early_ends.front().is_some_and(|early| early.until <= now)
        {
            self.early_ends.pop_front();
        }
    }

    /// The session ended by the engine's word, which knows it already.
    pub(super) fn end(&mut self, slot: Slot, end: &End) {
        let Some(mut session) = self.remove(slot) else { return };
        self.forget_waiting(&mut session);
        let told = matches!(
            end.code,
            CloseCode::Replaced | CloseCode::ClosedByBackend | CloseCode::Forbidden
        );
        if told && !session.is_opening() {
            let by = end.by.clone();
            let closing = frame::Closing { by, ..frame::Closing::new(end.code) };
            let frame = (self.options.encode)(&ToSession::Closing(&closing));
            // It goes with the close frame, so that it cannot make the session one that is slow.
            session.outbox.get_or_insert_default().push_volatile(frame, &self.options.outbox);
        }
        let closing = closing(session, end.code.number(), end.code.name());
        self.outputs.push_back(Output::Close(slot, closing));
    }

    pub(super) fn wake(&mut self, now: Moment) {
        self.forget_early_ends(now);
        self.end_graces(now);
        for slot in self.wheel.due(now) {
            self.look_after(now, slot);
        }
    }

    /// Closes, pings or gives up on a session whose wait came up, or lets it wait on.
    fn look_after(&mut self, now: Moment, slot: Slot) {
        let (ping, pong_wait) = (self.options.ping, self.options.pong_wait);
        let frozen = self.partition(slot).is_some_and(|partition| self.is_frozen(partition));
        let Some(session) = self.get_mut(slot) else { return };
        if session.look_at > now {
            return;
        }
        session.look_at = Moment::NEVER;
        if session.closes_at <= now {
            self.park(slot, CloseCode::Drain);
            return;
        }
        let quiet_since = session.heard;
        let answer_by = session.pinged.map(|ping| match ping {
            Ping::Silence(at) => at.after(pong_wait),
            Ping::Probe(at) => at.after(PROBE_WAIT),
        });
        let next = match answer_by {
            // Nobody listens to it.
            _ if frozen => now.after(ping),
            Some(by) if by <= now => {
                self.park(slot, CloseCode::NoPong);
                return;
            }
            Some(by) => by,
            // Nothing comes before its `welcome`.
            None if session.is_opening() => now.after(ping),
            None if quiet_since.after(ping) <= now => {
                session.pinged = Some(Ping::Silence(now));
                self.ping(slot);
                now.after(pong_wait)
            }
            None => quiet_since.after(ping),
        };
        let closes_at = self.get(slot).map_or(Moment::NEVER, |session| session.closes_at);
        self.look_by(slot, closes_at.min(next));
    }

    /// Has a session looked after at `at`, or earlier. There is one entry in the wheel that counts
    /// for each session: one that is due later is overtaken.
    pub(super) fn look_by(&mut self, slot: Slot, at: Moment) {
        if self.get(slot).is_none_or(|session| session.look_at <= at) {
            return;
        }
        let look_at = self.wheel.wait(slot, at);
        if let Some(session) = self.get_mut(slot) {
            session.look_at = look_at;
        }
    }

    pub(super) fn ping(&mut self, slot: Slot) {
        let frame = match self.get(slot) {
            Some(session) if session.speaks_usher => (self.options.encode)(&ToSession::Ping),
            Some(_) => self.options.control_ping.clone(),
            None => return,
        };
        self.write(slot, frame, Need::May);
    }

    /// The node goes away: each session is told when to leave, evenly over the window.
    pub(super) fn drain(&mut self, now: Moment, window: Duration) {
        self.leaving_until = Some(now.after(window));
        let slots: Vec<Slot> = self.all().map(|(slot, _)| slot).collect();
        self.tell_all_to_leave(now, &slots, window);
    }

    /// One after the other, evenly over the window. Who has no `welcome` yet has all of it.
    pub(super) fn tell_all_to_leave(&mut self, now: Moment, slots: &[Slot], window: Duration) {
        let count = slots.len().max(1) as u64;
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        for (n, slot) in (1_u64..).zip(slots) {
            let at = Moment(now.0 + window_ms.saturating_mul(n) / count);
            match self.get_mut(*slot) {
                Some(session) if session.is_opening() => {
                    session.closes_at = now.after(window);
                    self.look_by(*slot, now.after(window));
                }
                Some(_) => self.tell_to_leave(now, *slot, at),
                None => {}
            }
        }
    }

    pub(super) fn tell_to_leave(&mut self, now: Moment, slot: Slot, at: Moment) {
        let Some(session) = self.get_mut(slot) else { return };
        session.closes_at = at;
        let retry_ms = Some(at.ms_since(now));
        let closing = frame::Closing { retry_ms, ..frame::Closing::new(CloseCode::Drain) };
        self.tell(slot, &ToSession::Closing(&closing));
        self.look_by(slot, at);
    }
}

impl Parting {
    /// What the engine is told of a session that ended by its own fault or will.
    #[must_use]
    pub fn end_code(&self) -> CloseCode {
        OVER
    }
}
