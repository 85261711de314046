//! Admission by ticket: who may come in, and who has to yield.

use std::time::Duration;

use kernel::{
    message::Notice,
    registry::{Admitted, Attempt, Ended, Grant, Mail, Verdict},
};
use protocol::{
    close::CloseCode,
    frame::By,
    grant::{Origin, Policy, Scope, WhenFull},
    http::Session,
    id::{SessionId, Ticket},
    limit::{PROBE_SHARED, TICKET_MEMORY},
    position::Position,
    time::Timestamp,
};

use super::{
    Oracle, Promise,
    people::Blocked,
    stay::{Facts, Stay, Whereabouts},
};
use crate::told::Case;

/// A ticket, and by whom it was spent.
#[derive(Debug, Clone)]
pub(super) struct Leave {
    grant: Grant,
    expires_at: Timestamp,
    spent_by: Option<SessionId>,
}

impl Leave {
    pub(super) fn is_remembered(&self, now: Timestamp) -> bool {
        self.expires_at.after(TICKET_MEMORY) > now
    }
}

/// What must become of an attempt whose ticket is good.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    In,
    Question,
    Out,
}

impl Oracle {
    /// A ticket was asked for.
    pub(crate) fn minted(
        &mut self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
        minted: Option<Timestamp>,
    ) {
        let blocked = self.is_blocked(&grant.user);
        let expires_at = self.now().after(ttl);
        let right = match minted {
            Some(until) => blocked != Blocked::Yes && until == expires_at,
            None => blocked != Blocked::No,
        };
        self.check(Promise::Blocked, right, || {
            format!("{} is blocked: {blocked:?}, and has a ticket: {minted:?}", grant.user)
        });
        self.count_if(Case::BlockedMint, minted.is_none());
        let was_blocked = self.person(&grant.user).blocked_until.is_some();
        self.count_if(Case::BlockOver, was_blocked && minted.is_some());
        if minted.is_some() {
            self.leaves.insert(ticket, Leave { grant, expires_at, spent_by: None });
        }
    }

    /// The engine has answered an attempt with a ticket, and lists these of its user's sessions.
    pub(crate) fn judges_ticket(
        &mut self,
        attempt: &Attempt,
        ticket: Ticket,
        after: Option<Position>,
        verdict: &Verdict,
        listed: &[Session],
    ) {
        let leave = self.leaves.get(&ticket).cloned();
        let known = leave.as_ref().is_some_and(|leave| leave.is_remembered(self.latest()));
        match (verdict, leave) {
            (Verdict::Refused(CloseCode::TicketUnknown), _) => {
                self.check(Promise::Verdict, !known, || "a ticket was forgotten".to_owned());
                self.count(Case::TicketUnknown);
            }
            (_, None) => {
                self.blame(Promise::Verdict, format!("an unknown ticket, and {verdict:?}"));
            }
            (_, Some(leave)) if leave.spent_by == Some(attempt.session) => {
                self.judges_again(attempt, verdict);
            }
            (Verdict::Refused(code), Some(leave)) => {
                self.judges_refusal(attempt, &leave, *code);
            }
            (Verdict::Asked(asked), Some(leave)) => {
                let wrong = self.wrong_with(&leave, attempt);
                let due = self.due_to(&leave.grant);
                self.check(Promise::Reject, wrong.is_empty() && due == Due::Question, || {
                    format!("{asked:?} are asked, though it is to be {due:?} {wrong:?}")
                });
                let mut silent: Vec<_> =
                    self.holders(&leave.grant, false).iter().map(|stay| stay.fenced()).collect();
                silent.retain(|fenced| !asked.contains(fenced));
                self.check(Promise::Reject, silent.is_empty() && !asked.is_empty(), || {
                    format!("{asked:?} are asked, and {silent:?} are not")
                });
            }
            (Verdict::Admitted { admitted, ended }, Some(leave)) => {
                self.judges_newcomer(attempt, &leave, after, admitted, ended);
                self.has_places(attempt.session, leave.grant.policy, listed);
                if let Some(leave) = self.leaves.get_mut(&ticket) {
                    leave.spent_by = Some(attempt.session);
                }
            }
        }
    }

    /// Who yields to a newcomer is told to whom.
    pub(crate) fn tells_by_whom(&mut self, attempt: &Attempt, ticket: Ticket, mail: &[Mail]) {
        let device = self.leaves.get(&ticket).and_then(|leave| leave.grant.device.clone());
        let by = Some(By { session: attempt.session, device, at: self.now() });
        for Mail { envelope, .. } in mail {
            let Notice::End { end, .. } = &envelope.notice else { continue };
            let told = (end.code, &end.by);
            self.check(Promise::EndTold, told == (CloseCode::Replaced, &by), || {
                format!("{told:?} instead of {by:?}")
            });
        }
    }

    /// The same attempt once more: it is told the same, while its session stands.
    fn judges_again(&mut self, attempt: &Attempt, verdict: &Verdict) {
        let stay = self.stay(attempt.session).filter(|stay| stay.is_live());
        let due = stay.map(|stay| (stay.fenced(), stay.facts.first));
        let said = match verdict {
            Verdict::Admitted { admitted, .. } => Some((admitted.fenced, admitted.first)),
            Verdict::Asked(_) | Verdict::Refused(_) => None,
        };
        let of = |said: Option<(_, bool)>| said.map(|(fenced, _)| fenced);
        self.check(Promise::TicketOnce, of(said) == of(due), || {
            format!("{} tried again, and {verdict:?}, not {due:?}", attempt.session)
        });
        self.check(Promise::Presence, said == due, || {
            format!("{} tried again, and {verdict:?}, not {due:?}", attempt.session)
        });
    }

    fn judges_refusal(&mut self, attempt: &Attempt, leave: &Leave, code: CloseCode) {
        let mut wrong = self.wrong_with(leave, attempt);
        let (full, blocked) =
            (self.due_to(&leave.grant) == Due::Out, self.is_blocked(&leave.grant.user));
        if full {
            wrong.push(CloseCode::LimitReached);
        }
        if blocked == Blocked::Perhaps {
            wrong.push(CloseCode::Forbidden);
        }
        let promise = match code {
            CloseCode::LimitReached => Promise::Reject,
            _ => Promise::Verdict,
        };
        self.check(promise, wrong.contains(&code), || {
            format!("{} is refused {code}, not {wrong:?}", attempt.session)
        });
        match code {
            CloseCode::LimitReached => self.count(Case::RefusedByLimit),
            CloseCode::TicketSpent if leave.spent_by.is_none() => self.count(Case::WithdrawnEarly),
            CloseCode::TicketSpent => self.count(Case::TicketAgain),
            CloseCode::TicketExpired => self.count(Case::TicketExpired),
            CloseCode::Forbidden if blocked != Blocked::No => self.count(Case::BlockedTicket),
            CloseCode::Forbidden => self.count(Case::WrongOrigin),
            _ => {}
        }
    }

    /// Everything that is wrong with an attempt, but for the places.
    fn wrong_with(&self, leave: &Leave, attempt: &Attempt) -> Vec<CloseCode> {
        let mut wrong = Vec::new();
        if leave.spent_by.is_some() || self.is_withdrawn(attempt) {
            wrong.push(CloseCode::TicketSpent);
        }
        if leave.expires_at <= self.now() {
            wrong.push(CloseCode::TicketExpired);
        }
        if self.is_blocked(&leave.grant.user) == Blocked::Yes
            || !is_from(attempt, leave.grant.origin.as_ref())
        {
            wrong.push(CloseCode::Forbidden);
        }
        wrong
    }

    fn in_scope<'a>(&'a self, grant: &'a Grant) -> impl Iterator<Item = &'a Stay> {
        let person = self.people.get(&grant.user);
        let standing = person.into_iter().flat_map(|person| person.standing(self.now()));
        standing.filter(|stay| match grant.policy.per {
            Scope::User => true,
            Scope::Class => stay.facts.class == grant.class,
            Scope::Device => stay.facts.device == grant.device,
        })
    }

    /// The live sessions in the scope, those that were heard of a moment ago or the others.
    fn holders<'a>(&'a self, grant: &'a Grant, proven: bool) -> Vec<&'a Stay> {
        let is_proven = |stay: &Stay| {
            let lately = |at: Timestamp| at.after(PROBE_SHARED) > self.now();
            lately(stay.connected_at) || stay.answered_at.is_some_and(lately)
        };
        let live = self.in_scope(grant).filter(|stay| stay.is_live());
        live.filter(|stay| is_proven(stay) == proven).collect()
    }

    fn due_to(&self, grant: &Grant) -> Due {
        let max = grant.policy.max as usize;
        let (proven, unproven) =
            (self.holders(grant, true).len(), self.holders(grant, false).len());
        match grant.policy.when_full {
            WhenFull::Replace => Due::In,
            WhenFull::Reject if proven >= max => Due::Out,
            WhenFull::Reject if proven + unproven >= max => Due::Question,
            WhenFull::Reject => Due::In,
        }
    }

    fn judges_newcomer(
        &mut self,
        attempt: &Attempt,
        leave: &Leave,
        after: Option<Position>,
        admitted: &Admitted,
        ended: &[Ended],
    ) {
        let (grant, now) = (&leave.grant, self.now());
        let wrong = self.wrong_with(leave, attempt);
        let promise = match wrong[..] {
            [CloseCode::TicketSpent, ..] => Promise::TicketOnce,
            [CloseCode::Forbidden] if self.is_blocked(&grant.user) == Blocked::Yes => {
                Promise::Blocked
            }
            _ => Promise::Verdict,
        };
        self.check(promise, wrong.is_empty(), || format!("{wrong:?}, yet {admitted:?}"));
        self.judges_yielding(grant, admitted, ended);
        let first = self.person(&grant.user).stays.is_empty();
        let over = self.person(&grant.user).stays.iter();
        let over = over.filter_map(|stay| Some((stay.id, stay.over_code(now)?)));
        let mut due: Vec<_> = over.collect();
        let yielded = ended.iter().filter(|ended| ended.code == CloseCode::Replaced);
        due.extend(yielded.map(|ended| (ended.session, ended.code)));
        let age = grant.max_age.unwrap_or(self.terms.session_age).min(self.terms.session_age);
        let facts = Facts {
            user: grant.user.clone(),
            device: grant.device.clone(),
            class: grant.class.clone(),
            send: grant.send.clone(),
            origin: grant.origin.clone(),
            joined: self.joins(attempt, grant, after, admitted),
            starts_at: after.unwrap_or(admitted.joined),
            created_at: now,
            ends_at: now.after(age),
            first,
        };
        self.takes_in(attempt, facts, admitted);
        // The newcomer is there in the same step.
        self.told_ended(ended, &due);
        self.told_first(&grant.user, admitted.first);
        self.count(Case::Opened);
        let mut stays = self.person(&grant.user).stays.iter();
        let elsewhere = stays.any(|stay| *stay.node() != attempt.node);
        self.count_if(Case::OpenedElsewhere, elsewhere);
    }

    /// Just so many yield that the newcomer has a place, and those whose turn it is.
    fn judges_yielding(&mut self, grant: &Grant, admitted: &Admitted, ended: &[Ended]) {
        let yields = |stay: &&Stay| {
            ended.iter().any(|one| one.session == stay.id && one.code == CloseCode::Replaced)
        };
        let (yielding, staying): (Vec<&Stay>, Vec<&Stay>) =
            self.in_scope(grant).partition(|stay| yields(stay));
        let same_device = |stay: &Stay| grant.device.is_some() && stay.facts.device == grant.device;
        let turn = |stay: &Stay| match stay.parked_at() {
            Some(at) => (0, at),
            None if same_device(stay) => (1, stay.facts.created_at),
            None => (2, stay.facts.created_at),
        };
        let replaced = ended.iter().filter(|one| one.code == CloseCode::Replaced).count();
        let too_many =
            (yielding.len() + staying.len() + 1).saturating_sub(grant.policy.max as usize);
        let counted = yielding.len();
        let last = yielding.iter().map(|stay| turn(stay)).max();
        let in_turn = staying.iter().all(|stay| last <= Some(turn(stay)));
        let rejects = grant.policy.when_full == WhenFull::Reject;
        let ends_live = rejects && yielding.iter().any(|stay| stay.is_live());
        let seen = [
            (Case::ParkedYielded, yielding.iter().any(|stay| !stay.is_live())),
            (Case::SameDeviceYielded, yielding.iter().any(|stay| turn(stay).0 == 1)),
            (Case::OldestYielded, yielding.iter().any(|stay| turn(stay).0 == 2)),
            (Case::PerClass, too_many > 0 && grant.policy.per == Scope::Class),
            (Case::PerDevice, too_many > 0 && grant.policy.per == Scope::Device),
        ];
        let what = format!("{:?} let {admitted:?} in, and {ended:?} end", grant.policy);
        self.check(Promise::Reject, !ends_live, || what.clone());
        let just_so_many = replaced == too_many && replaced == counted;
        self.check(Promise::Places, just_so_many, || format!("{what}: {too_many} are too many"));
        self.check(Promise::Places, in_turn, || format!("{what}: it is the turn of others"));
        seen.into_iter().for_each(|(case, happened)| self.count_if(case, happened));
    }

    /// Of the sessions that the registry lists no more are in a newcomer's scope than its policy says.
    fn has_places(&mut self, newcomer: SessionId, policy: Policy, listed: &[Session]) {
        let Some(new) = listed.iter().find(|one| one.id == newcomer) else { return };
        let counted = listed.iter().filter(|one| match policy.per {
            Scope::User => true,
            Scope::Class => one.device_class == new.device_class,
            Scope::Device => one.device == new.device,
        });
        let (count, max) = (counted.count(), policy.max as usize);
        self.check(Promise::Places, count <= max, || {
            format!("{newcomer} is one of {count}, and may be one of {max}")
        });
    }

    /// From where on messages are for a newcomer.
    fn joins(
        &mut self,
        attempt: &Attempt,
        grant: &Grant,
        after: Option<Position>,
        admitted: &Admitted,
    ) -> Position {
        let joined = admitted.joined;
        let stream = &mut self.person(&grant.user).stream;
        stream.somebody();
        let right = match after {
            None => stream.is_in(joined.epoch) && joined == stream.head(),
            // A place that it never had: all of it may be missing.
            Some(_) if stream.is_forgettable() => {
                after == Some(joined) || joined == Position::default()
            }
            Some(after) if after <= stream.head() => joined == after,
            Some(_) => joined == Position::default(),
        };
        let from = after.unwrap_or(joined);
        let right = right && (admitted.after, admitted.replay) == (from, after.is_some());
        self.check(Promise::Delivery, right, || {
            format!("{} after {after:?} joined at {admitted:?}", attempt.session)
        });
        joined
    }

    fn takes_in(&mut self, attempt: &Attempt, facts: Facts, admitted: &Admitted) {
        let fenced = admitted.fenced;
        let (now, user) = (self.now(), facts.user.clone());
        let same = (&admitted.device, &admitted.class, &admitted.send)
            == (&facts.device, &facts.class, &facts.send)
            && (fenced.session, admitted.token, &admitted.user, admitted.resumed)
                == (attempt.session, attempt.token, &user, false);
        self.check(Promise::Verdict, same, || format!("{facts:?}, but {admitted:?}"));
        self.fence_grows(fenced);
        self.facts.insert(fenced.session, facts.clone());
        self.tokens.insert(attempt.token, fenced.session);
        let stay = Stay {
            id: fenced.session,
            facts,
            whereabouts: Whereabouts::Live(attempt.node.clone()),
            fence: fenced.fence,
            connected_at: now,
            active_at: now,
            acked: None,
            token: attempt.token,
            previous_token: None,
            answered_at: None,
            held_until: None,
        };
        self.person(&user).stays.push(stay);
    }
}

/// A ticket's own origin must be the page's; else the configuration must allow the page.
pub(super) fn is_from(attempt: &Attempt, origin: Option<&Origin>) -> bool {
    match origin {
        Some(origin) => attempt.origin.as_ref() == Some(origin),
        None => attempt.origin.is_none() || attempt.origin_allowed,
    }
}
