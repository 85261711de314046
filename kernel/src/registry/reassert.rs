//! Reassertion: a session that its node has, and that the registry has forgotten.
//!
//! A store may lose what it kept, or its last words. The nodes know better: they have the sockets.
//! So each says again whom it has. What they say may be more than may be there, since some may have
//! been replaced while their node was deaf; then the latest admissions win. So they do where a session
//! itself is known, by another admission.
//!
//! Not here: whether the registry forgot, or knows that a session ended.

use std::cmp::Ordering;

use protocol::{close::CloseCode, frame::By, id::SessionId, name::UserId, time::Timestamp};

use super::{
    Ended, Mail, Registry, Standing,
    part::taken_over,
    record::{Record, User},
};
use crate::{admission, message::End, stream::Stream};

impl Registry {
    /// Registers a session again as its node had it; returns which ended for it. It is the same
    /// admission. Refused with the code with which it is to close.
    ///
    /// # Errors
    /// If it ended, is too old, was admitted again since, its user is kept out, or later sessions have
    /// all its places.
    pub fn reassert(
        &mut self,
        now: Timestamp,
        user: &UserId,
        standing: Standing,
    ) -> (Result<Vec<Ended>, CloseCode>, Vec<Mail>) {
        let (id, previous) = (standing.id, standing.previous_token);
        match self.people.session(id).map(|(_, known)| known.fence.cmp(&standing.fence)) {
            Some(Ordering::Equal) => return (Ok(Vec::new()), Vec::new()),
            Some(Ordering::Greater) => return (Err(CloseCode::TakenOver), Vec::new()),
            Some(Ordering::Less) | None => {}
        }
        let ended = |token| self.ended.get(&token).copied();
        let ended = [Some(standing.token), previous].into_iter().flatten().find_map(ended);
        let is_over = standing.ends_at <= now;
        let refused = ended
            .or_else(|| is_over.then_some(CloseCode::TooOld))
            .or_else(|| self.is_blocked(now, user).then_some(CloseCode::Forbidden));
        if let Some(code) = refused {
            return (Err(code), Vec::new());
        }
        let older = self.people.remove(id);
        let mut mail = older.map(|mut older| taken_over(user, &mut older)).unwrap_or_default();
        let by = By { session: id, device: standing.device.clone(), at: now };
        self.last_fence = self.last_fence.max(standing.fence.0);
        // What came before it joined is not for it. So the stream must not be an earlier one than that which
        // it joined, by whatever clock that began.
        let joined = standing.joined.epoch;
        let epoch = (now.0 * 1000).max(self.last_epoch.max(joined) + 1);
        let known = self.people.meet(user, || User::new(user.clone(), Stream::new(epoch)));
        if known.stream.head().epoch < joined {
            known.stream = Stream::new(epoch);
        }
        self.last_epoch = self.last_epoch.max(known.stream.head().epoch);
        known.vacant_since = None;
        self.people.add(user, Record::from(standing));
        if let Some(previous) = previous {
            self.people.add_token(id, previous);
        }
        let mut losers = Vec::new();
        while let Some(loser) = self.surplus(now, user, &losers) {
            losers.push(loser);
        }
        let is_in = !losers.contains(&id);
        if !is_in {
            // Nobody knew of it but its node, which is told by the answer.
            losers.retain(|one| *one != id);
            self.end_sessions(now, user, &[id], &End { code: CloseCode::Replaced, by: None });
        }
        let end = End { code: CloseCode::Replaced, by: is_in.then_some(by) };
        let (ended, told) = self.end_sessions(now, user, &losers, &end);
        mail.extend(told);
        (if is_in { Ok(ended) } else { Err(CloseCode::Replaced) }, mail)
    }

    /// A session that should not be there: by the policy of one that was admitted after it, or all
    /// together are too many. Of those it is the one whose admission is the oldest.
    fn surplus(&self, now: Timestamp, user: &UserId, but: &[SessionId]) -> Option<SessionId> {
        let all: Vec<&Record> =
            self.standing(now, user).filter(|one| !but.contains(&one.id)).collect();
        let all_max = self.terms.sessions_per_user;
        let beyond = |among: Vec<&Record>, max: u32| {
            let is_more = among.len() > max as usize;
            among.into_iter().min_by_key(|one| one.fence).filter(|_| is_more).map(|one| one.id)
        };
        let by_policy = all.iter().find_map(|last| {
            let before = |one: &&Record| {
                one.created_at <= last.created_at
                    && admission::counts(&last.policy, last.newcomer(), &one.place())
            };
            let among = all.iter().copied().filter(before).collect();
            beyond(among, last.policy.max.min(all_max))
        });
        by_policy.or_else(|| beyond(all.clone(), all_max))
    }
}
