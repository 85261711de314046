//! Resume: who may come back, and to what.

use std::time::Duration;

use kernel::{
    message::Fenced,
    registry::{Attempt, Proof, Verdict, Withdrawn},
};
use protocol::{
    close::CloseCode,
    id::{ResumeToken, SessionId},
    position::Position,
};

use super::{
    Oracle, Promise,
    admission::is_from,
    people::Blocked,
    stay::{Stay, Whereabouts},
};
use crate::told::Case;

impl Oracle {
    /// Each admission has a greater fence than all before.
    pub(super) fn fence_grows(&mut self, fenced: Fenced) {
        let grows = fenced.fence > self.last_fence;
        self.check(Promise::Void, grows, || format!("{fenced:?} is not later than all before"));
        self.last_fence = fenced.fence;
    }

    /// The engine has answered an attempt with a resume token.
    pub(crate) fn judges_resume(
        &mut self,
        attempt: &Attempt,
        token: ResumeToken,
        after: Position,
        verdict: &Verdict,
    ) {
        let session = self.tokens.get(&token).copied();
        let stay = session.and_then(|session| self.stay(session)).cloned();
        match (session, stay) {
            (None, _) => self.check(
                Promise::Resume,
                *verdict == Verdict::Refused(CloseCode::CannotResume),
                || format!("a token that never was, and {verdict:?}"),
            ),
            (Some(session), None) => self.judges_ended(session, token, verdict),
            (Some(_), Some(stay)) => self.judges_standing(attempt, &stay, token, after, verdict),
        }
    }

    fn judges_ended(&mut self, session: SessionId, token: ResumeToken, verdict: &Verdict) {
        let (latest, gone) = (self.latest(), &self.gone[&session]);
        let was_good = gone.tokens.contains(&Some(token));
        let (code, until) = (gone.code, gone.until);
        let said = |code| *verdict == Verdict::Refused(code);
        let forgotten = said(CloseCode::CannotResume);
        let right = match was_good {
            false => forgotten,
            true if until > latest => said(code),
            // It is kept for at least so long.
            true => said(code) || forgotten,
        };
        self.check(Promise::EndCode, right, || {
            format!("{session} ended with {code}, its code is told until {until:?}: {verdict:?}")
        });
        match code {
            CloseCode::Replaced if said(code) => self.count(Case::ReplacedAgain),
            CloseCode::ClosedByBackend if said(code) => self.count(Case::KickedAgain),
            CloseCode::Forbidden if said(code) => self.count(Case::BlockedAgain),
            _ if forgotten && was_good && code != CloseCode::CannotResume => {
                self.count(Case::CodeForgotten);
            }
            _ => {}
        }
    }

    fn judges_standing(
        &mut self,
        attempt: &Attempt,
        stay: &Stay,
        token: ResumeToken,
        after: Position,
        verdict: &Verdict,
    ) {
        let now = self.now();
        let is_good = token == stay.token || stay.previous_token == Some(token);
        let mut wrong = Vec::new();
        if !is_good {
            wrong.push(CloseCode::CannotResume);
        }
        if stay.facts.ends_at <= now {
            wrong.push(CloseCode::TooOld);
        } else if stay.over(now) {
            wrong.push(CloseCode::CannotResume);
        }
        let blocked = self.is_blocked(&stay.facts.user) == Blocked::Yes;
        if blocked || !is_from(attempt, stay.facts.origin.as_ref()) {
            wrong.push(CloseCode::Forbidden);
        }
        if self.is_withdrawn(attempt) {
            wrong.push(CloseCode::CannotResume);
        }
        let held = stay.held_until.is_some_and(|until| until > now);
        match verdict {
            Verdict::Refused(code) => {
                self.check(Promise::Resume, wrong.contains(code), || {
                    format!("{} is refused {code}, not {wrong:?}; held: {held}", stay.id)
                });
                self.count_if(Case::OldTokenVoid, !is_good);
                self.count_if(Case::WithdrawnEarly, self.is_withdrawn(attempt));
                self.count_if(Case::WindowOver, is_good && stay.over(now));
                self.count_if(Case::OriginAgain, wrong[..] == [CloseCode::Forbidden]);
            }
            Verdict::Admitted { admitted, ended } => {
                let promise = if blocked { Promise::Blocked } else { Promise::Resume };
                self.check(promise, wrong.is_empty(), || format!("{wrong:?}, yet {admitted:?}"));
                let right = (admitted.fenced.session, &admitted.user, admitted.after)
                    == (stay.id, &stay.facts.user, after)
                    && (admitted.resumed, admitted.replay, admitted.first) == (true, true, false)
                    && (admitted.token, admitted.joined) == (attempt.token, stay.facts.joined)
                    && ended.is_empty();
                self.check(Promise::Resume, right, || format!("{stay:?} came back: {admitted:?}"));
                self.comes_back(attempt, stay, token, admitted.fenced);
            }
            Verdict::Asked(_) => {
                self.blame(Promise::Resume, format!("{} came back, and {verdict:?}", stay.id));
            }
        }
    }

    fn comes_back(&mut self, attempt: &Attempt, was: &Stay, token: ResumeToken, fenced: Fenced) {
        self.fence_grows(fenced);
        let now = self.now();
        let beyond_window = was.parked_at().map(|at| at.after(self.terms.resume_window) <= now);
        self.count(Case::Resumed);
        self.count_if(Case::HeldBeyondWindow, beyond_window == Some(true));
        self.count_if(Case::ResumedElsewhere, *was.node() != attempt.node);
        self.count_if(Case::OldTokenGood, was.previous_token == Some(token));
        self.tokens.insert(attempt.token, was.id);
        let Some(stay) = self.stay_mut(was.id) else { return };
        stay.whereabouts = Whereabouts::Live(attempt.node.clone());
        stay.fence = fenced.fence;
        stay.connected_at = now;
        stay.previous_token = Some(token);
        stay.token = attempt.token;
        stay.answered_at = None;
        stay.held_until = None;
    }

    /// An attempt whose outcome its node did not learn was taken back.
    pub(crate) fn withdraws(&mut self, attempt: &Attempt, withdrawn: &Withdrawn) {
        let (now, window) = (self.now(), self.terms.resume_window);
        let session = match attempt.proof {
            Proof::Ticket(..) => Some(attempt.session),
            Proof::Resume(..) => self.tokens.get(&attempt.token).copied(),
        };
        let stay = session.and_then(|session| self.stay(session));
        let stay = stay.filter(|stay| {
            stay.whereabouts == Whereabouts::Live(attempt.node.clone())
                && stay.token == attempt.token
        });
        let due = stay.map(Stay::fenced);
        let right = match (withdrawn, &attempt.proof) {
            (Withdrawn::Nothing, _) => due.is_none(),
            (Withdrawn::Parked, proof) => due.is_some() && matches!(proof, Proof::Resume(..)),
            (Withdrawn::Ended(ended), proof) => {
                due.is_some_and(|due| due.session == ended.session)
                    && matches!(proof, Proof::Ticket(..))
            }
        };
        self.check(Promise::Agree, right, || {
            format!("{attempt:?} was withdrawn: {withdrawn:?}, it had {due:?}")
        });
        // A new session's token is kept with its end.
        let known = self.withdrawn.contains_key(&attempt.token);
        match (withdrawn, due) {
            (Withdrawn::Ended(ended), Some(due)) => {
                self.released(due, CloseCode::CannotResume, Some(ended));
                self.count(Case::WithdrawnNew);
            }
            (Withdrawn::Parked, Some(due)) => {
                self.parked(due, true);
                self.count(Case::WithdrawnBack);
            }
            (Withdrawn::Nothing | Withdrawn::Parked | Withdrawn::Ended(_), _) => {}
        }
        let is_kept = self.gone_with(attempt.token) || known;
        if !is_kept {
            self.told_tokens.keep(now.after(window));
        }
        self.withdrawn.insert(attempt.token, now.after(window));
    }

    /// Whether a token's session has ended while it was good.
    fn gone_with(&self, token: ResumeToken) -> bool {
        let gone = self.tokens.get(&token).and_then(|session| self.gone.get(session));
        gone.is_some_and(|gone| gone.tokens.contains(&Some(token)))
    }

    /// Whether an attempt comes after it was taken back.
    pub(super) fn is_withdrawn(&self, attempt: &Attempt) -> bool {
        self.withdrawn.get(&attempt.token).is_some_and(|until| *until > self.latest())
    }

    /// A resume was refused for now, and its session is kept for so much longer.
    pub(crate) fn held(&mut self, token: ResumeToken, wait: Duration) {
        let now = self.now();
        let Some(session) = self.tokens.get(&token).copied() else { return };
        let Some(stay) = self.stay_mut(session) else { return };
        let is_good = token == stay.token || stay.previous_token == Some(token);
        if !is_good || stay.over(now) {
            return;
        }
        let until = now.after(wait);
        stay.held_until = stay.held_until.max(Some(until));
        let ends_at = stay.facts.ends_at;
        if let Whereabouts::Parked { until: window, .. } = &mut stay.whereabouts {
            *window = (*window).max(until.min(ends_at));
        }
    }
}
