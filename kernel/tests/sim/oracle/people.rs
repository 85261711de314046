//! People: users, their sessions, and who may not come in.

use kernel::{
    message::Fenced,
    registry::{Blocking, Ended, Held},
};
use protocol::{
    close::CloseCode,
    http::{Session, SessionState},
    id::SessionId,
    name::UserId,
    time::Timestamp,
};

use super::{
    Oracle, Promise,
    stay::{Gone, Stay, Whereabouts},
    stream::Stream,
};
use crate::{clock::Clock, told::Case};

#[derive(Debug, Default)]
pub(super) struct Person {
    /// Sessions that have not ended, also those whose window is over.
    pub(super) stays: Vec<Stay>,
    pub(super) stream: Stream,
    online: bool,
    /// Until when the user is kept out; the end of time if that was not said.
    pub(super) blocked_until: Option<Timestamp>,
}

/// Whether a user is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    No,
    /// The block was over, and the clock was set back since.
    Perhaps,
    Yes,
}

impl Person {
    pub(super) fn standing(&self, now: Timestamp) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(move |stay| !stay.over(now))
    }

    fn blocked(&self, clock: &Clock) -> Blocked {
        match self.blocked_until {
            Some(until) if until > clock.latest => Blocked::Yes,
            Some(until) if until > clock.engine => Blocked::Perhaps,
            Some(_) | None => Blocked::No,
        }
    }
}

impl Oracle {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.engine
    }

    pub(super) fn latest(&self) -> Timestamp {
        self.clock.latest
    }

    pub(super) fn person(&mut self, user: &UserId) -> &mut Person {
        self.people.entry(user.clone()).or_default()
    }

    pub(crate) fn stays(&self) -> impl Iterator<Item = &Stay> {
        self.people.values().flat_map(|person| &person.stays)
    }

    pub(crate) fn stay(&self, session: SessionId) -> Option<&Stay> {
        let person = self.people.get(&self.facts.get(&session)?.user)?;
        person.stays.iter().find(|stay| stay.id == session)
    }

    pub(super) fn stay_mut(&mut self, session: SessionId) -> Option<&mut Stay> {
        let person = self.people.get_mut(&self.facts.get(&session)?.user)?;
        person.stays.iter_mut().find(|stay| stay.id == session)
    }

    /// Some session of a user that has not ended.
    pub(crate) fn somebody(&self, user: &UserId) -> Option<Fenced> {
        self.people.get(user)?.stays.first().map(Stay::fenced)
    }

    /// Whether that admission of a session counts no more.
    pub(crate) fn is_void(&self, fenced: Fenced) -> bool {
        self.stay(fenced.session).is_none_or(|stay| stay.fence != fenced.fence || !stay.is_live())
    }

    /// Whether a session has answered a probe since.
    pub(crate) fn answered_since(&self, fenced: Fenced, since: Timestamp) -> bool {
        let answered_at = self.stay(fenced.session).and_then(|stay| stay.answered_at);
        answered_at.is_some_and(|at| at >= since)
    }

    /// A session ends, and its code is kept for one window.
    pub(super) fn ends(&mut self, session: SessionId, code: CloseCode) {
        let (now, window) = (self.now(), self.terms.resume_window);
        let user = self.facts[&session].user.clone();
        let stays = &mut self.person(&user).stays;
        let place = stays.iter().position(|stay| stay.id == session).expect("it stood");
        let stay = stays.remove(place);
        if stays.is_empty() {
            self.person(&user).stream.nobody_since(now);
        }
        let tokens = [Some(stay.token), stay.previous_token];
        let gone = Gone { code, until: now.after(window), tokens };
        self.gone.insert(session, gone);
        for _ in tokens.iter().flatten() {
            self.told_tokens.keep(now.after(window));
        }
    }

    /// What a step says of who ended in it, which must be just these.
    pub(super) fn told_ended(&mut self, told: &[Ended], due: &[(SessionId, CloseCode)]) {
        let mut said: Vec<_> = told.iter().map(|ended| (ended.session, ended.code)).collect();
        let mut due = due.to_vec();
        said.sort();
        due.sort();
        self.check(Promise::Agree, said == due, || format!("told {said:?} ended, not {due:?}"));
        for ended in told {
            if self.stay(ended.session).is_some() {
                self.ends(ended.session, ended.code);
            }
            self.told_last(&ended.user, ended.last);
        }
    }

    pub(super) fn told_first(&mut self, user: &UserId, first: bool) {
        let was = std::mem::replace(&mut self.person(user).online, true);
        self.check(Promise::Presence, first != was, || {
            format!("{user} came, online before: {was}, told as first: {first}")
        });
        self.count_if(Case::Online, first);
    }

    pub(super) fn told_last(&mut self, user: &UserId, last: bool) {
        let person = self.person(user);
        let is_last = person.online && person.stays.is_empty();
        person.online &= !last;
        self.check(Promise::Presence, last == is_last, || {
            format!("a session of {user} ended, the last: {is_last}, told as last: {last}")
        });
        self.count_if(Case::Offline, last);
    }

    /// A user was blocked or let in again; these ended.
    pub(crate) fn blocked(&mut self, user: &UserId, blocking: Blocking, ended: &[Ended]) {
        let now = self.now();
        match blocking {
            Blocking::Set(time) => {
                let stays = &self.person(user).stays;
                let code = |stay: &Stay| stay.over_code(now).unwrap_or(CloseCode::Forbidden);
                let due: Vec<_> = stays.iter().map(|stay| (stay.id, code(stay))).collect();
                self.told_ended(ended, &due);
                let until = time.map_or(Timestamp(u64::MAX), |time| now.after(time));
                self.person(user).blocked_until = Some(until);
                due.iter().for_each(|_| self.count(Case::Blocked));
            }
            Blocking::Lift => {
                self.told_ended(ended, &[]);
                let lifted = self.person(user).blocked_until.take();
                self.count_if(Case::Lifted, lifted.is_some());
            }
        }
    }

    pub(super) fn is_blocked(&self, user: &UserId) -> Blocked {
        self.people.get(user).map_or(Blocked::No, |person| person.blocked(&self.clock))
    }

    /// After each step: who is blocked has no session, who has one is online.
    pub(crate) fn people_are_as_promised(&mut self) {
        let mut wrong = Vec::new();
        for (user, person) in &self.people {
            if person.blocked(&self.clock) == Blocked::Yes && !person.stays.is_empty() {
                wrong.push((Promise::Blocked, format!("{user} is blocked, and has sessions")));
            }
            if person.online == person.stays.is_empty() {
                wrong.push((Promise::Presence, format!("{user} online: {}", person.online)));
            }
        }
        for (promise, what) in wrong {
            self.blame(promise, what);
        }
    }

    /// What the registry lists of a user is what stands.
    pub(crate) fn agrees(&mut self, user: &UserId, listed: &[Session]) {
        let now = self.now();
        let standing = self.people.get(user).into_iter().flat_map(|person| person.standing(now));
        let (mut ours, mut our_windows) = (Vec::new(), Vec::new());
        for stay in standing {
            let (state, until) = match &stay.whereabouts {
                Whereabouts::Live(_) => (SessionState::Live, None),
                Whereabouts::Parked { until, .. } => (SessionState::Parked, Some(*until)),
            };
            let times = [stay.facts.created_at, stay.connected_at, stay.active_at];
            ours.push((stay.id, stay.node().id.to_string(), state, times, stay.acked));
            our_windows.push((stay.id, until));
        }
        let (mut theirs, mut their_windows) = (Vec::new(), Vec::new());
        for one in listed {
            let times = [one.created_at, one.connected_at, one.active_at];
            theirs.push((one.id, one.node.clone(), one.state, times, one.acked));
            their_windows.push((one.id, one.resumable_until));
        }
        ours.sort_by_key(|one| one.0);
        theirs.sort_by_key(|one| one.0);
        our_windows.sort();
        their_windows.sort();
        self.check(Promise::Resume, our_windows == their_windows, || {
            format!("{user} may come back until {their_windows:?}, not {our_windows:?}")
        });
        self.check(Promise::Agree, ours == theirs, || {
            format!("of {user} the registry lists {theirs:?}, but there are {ours:?}")
        });
    }

    /// What the registry counts is what stands.
    pub(crate) fn counts(&mut self, of_user: Option<&UserId>, live: usize, parked: usize) {
        let now = self.now();
        let meant = |user: &UserId| of_user.is_none_or(|of| of == user);
        let people = self.people.iter().filter(|(user, _)| meant(user));
        let standing: Vec<_> = people.flat_map(|(_, person)| person.standing(now)).collect();
        let ours = standing.iter().filter(|stay| stay.is_live()).count();
        let ours = (ours, standing.len() - ours);
        self.check(Promise::Agree, (live, parked) == ours, || {
            format!("of {of_user:?} {live} are live and {parked} parked, not {ours:?}")
        });
    }

    /// All that is over was swept: the registry keeps what stands, and what is promised.
    pub(crate) fn holds(&mut self, held: &Held) {
        let now = self.now();
        let sessions = self.stays().count();
        let tokens = self.stays().map(|stay| 1 + usize::from(stay.previous_token.is_some())).sum();
        let is_blocked = |person: &&Person| person.blocked(&self.clock) == Blocked::Yes;
        let blocks = self.people.values().filter(is_blocked).count();
        let tickets = self.leaves.values().filter(|leave| leave.is_remembered(now)).count();
        let exact = Held { tickets, sessions, tokens, blocks, ..*held };
        self.check(Promise::Bounded, *held == exact, || format!("{held:?}, not {exact:?}"));
        let ended = self.told_tokens.bounds(now);
        self.check(Promise::Bounded, ended.contains(&held.ended), || {
            format!("{held:?}, of tokens of ended sessions {ended:?}")
        });
        let keys = self.keys.bounds(now);
        self.check(Promise::Bounded, keys.contains(&held.keys), || {
            format!("{held:?}, of keys {keys:?}")
        });
        let here = self.people.values().filter(|person| !person.stays.is_empty()).count();
        let bounds = self.terms.stream;
        let may_be_kept = |person: &&Person| person.stream.may_be_kept(now, &bounds);
        let away = self.people.values().filter(may_be_kept).count();
        let users = here..=here + away;
        self.check(Promise::Bounded, users.contains(&held.users), || {
            format!("{held:?}, of users {users:?}")
        });
    }
}
