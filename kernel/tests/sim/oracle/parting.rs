//! Parting: sessions that are parked, released and ended, and what time ends.

use kernel::{
    message::Fenced,
    registry::{Ended, Touch, Which},
};
use protocol::{close::CloseCode, name::UserId};

use super::{
    Oracle, Promise,
    stay::{Stay, Whereabouts},
};
use crate::told::Case;

impl Oracle {
    /// The engine was told of a lost socket.
    pub(crate) fn parked(&mut self, fenced: Fenced, parked: bool) {
        let (now, window) = (self.now(), self.terms.resume_window);
        let due = !self.is_void(fenced);
        self.check(Promise::Agree, parked == due, || {
            format!("{fenced:?} was parked: {parked}, not {due}")
        });
        if !parked {
            return;
        }
        let Some(stay) = self.stay_mut(fenced.session) else { return };
        let until = now.after(window).max(stay.held_until.unwrap_or(now));
        let until = until.min(stay.facts.ends_at);
        stay.whereabouts = Whereabouts::Parked { node: stay.node().clone(), at: now, until };
    }

    /// The engine was told that a session left.
    pub(crate) fn released(&mut self, fenced: Fenced, code: CloseCode, ended: Option<&Ended>) {
        let stands = self.stay(fenced.session).is_some_and(|stay| stay.fenced() == fenced);
        let due: Vec<_> = stands.then_some((fenced.session, code)).into_iter().collect();
        self.told_ended(ended.map(std::slice::from_ref).unwrap_or_default(), &due);
    }

    /// The backend has ended sessions.
    pub(crate) fn kicked(&mut self, user: &UserId, which: Which, ended: &[Ended]) {
        let now = self.now();
        let meant = |stay: &Stay| match which {
            Which::AllBut(except) => except != Some(stay.id),
            Which::One(one) => one == stay.id,
        };
        let code = |stay: &Stay| {
            let kicked = meant(stay).then_some(CloseCode::ClosedByBackend);
            stay.over_code(now).or(kicked)
        };
        let stays = &self.person(user).stays;
        let due: Vec<_> = stays.iter().filter_map(|stay| Some((stay.id, code(stay)?))).collect();
        self.told_ended(ended, &due);
        due.iter().for_each(|_| self.count(Case::Kicked));
    }

    /// A node has told something of a session.
    pub(crate) fn touched(&mut self, fenced: Fenced, touch: Touch) {
        let now = self.now();
        let Some(stay) = self.stay_mut(fenced.session) else { return };
        if stay.fence != fenced.fence {
            return;
        }
        match touch {
            Touch::Active => stay.active_at = now,
            Touch::Acked(position) => stay.acked = stay.acked.max(Some(position)),
            Touch::Welcomed => stay.previous_token = None,
            Touch::Alive => {
                stay.answered_at = Some(now);
                self.count(Case::Answered);
            }
        }
    }

    /// The engine has taken away what time ended; all of it, or `most` sessions, or but for users
    /// whose nodes could not be told.
    pub(crate) fn swept(&mut self, ended: &[Ended], most: usize, held_back: Option<&UserId>) {
        let now = self.now();
        let age = |stay: &Stay| (stay.facts.ends_at <= now).then_some(CloseCode::TooOld);
        let why = |stay: &Stay| age(stay).or_else(|| stay.over_code(now));
        let overdue: Vec<_> = self
            .stays()
            .filter(|stay| held_back != Some(&stay.facts.user))
            .filter_map(|stay| Some((stay.id, why(stay)?)))
            .collect();
        let told = |due: &&(_, _)| ended.iter().any(|one| (one.session, one.code) == **due);
        let due: Vec<_> = overdue.iter().filter(told).copied().collect();
        let all = due.len() == overdue.len().min(most);
        self.check(Promise::Agree, all, || {
            format!("of {overdue:?} and {most} at most {ended:?} were swept")
        });
        let too_old = due.iter().filter(|(_, code)| *code == CloseCode::TooOld).count();
        (0..too_old).for_each(|_| self.count(Case::TooOld));
        self.told_ended(ended, &due);
        let bounds = self.terms.stream;
        for person in self.people.values_mut() {
            person.stream.swept(now, &bounds);
        }
    }
}
