//! Sends: whom a message is for when it is accepted, and what its receipt has to say.

use kernel::registry::{Draft, Key, NotAppended, Receipt};
use protocol::{id::SessionId, name::UserId, position::Position, target::Target};

use super::{Oracle, Promise, hearing::Fleeting, keys::Said, stay::Stay, stream::Accepted};
use crate::told::Case;

impl Oracle {
    /// The engine has answered a message for one user.
    pub(crate) fn appended(
        &mut self,
        user: &UserId,
        draft: &Draft,
        outcome: &Result<Receipt, NotAppended>,
    ) {
        let said = match &draft.key {
            Some(key) => self.judges_key(key, Some(user), draft.echo_of.as_ref(), outcome),
            None => Said::Accepted,
        };
        match (said, outcome) {
            (Said::Over, _) => {}
            (Said::Accepted, Ok(receipt)) => self.accepted(user, draft, receipt),
            (Said::Accepted, Err(not)) => {
                self.blame(Promise::Key, format!("{not:?} without a key"));
            }
        }
    }

    /// The engine has taken note that a call to many begins under a key, which has no message of its
    /// own.
    pub(crate) fn begun(&mut self, key: &Key, outcome: &Result<Receipt, NotAppended>) {
        self.judges_key(key, None, None, outcome);
    }

    /// The engine has answered a message for everyone, and asked to spread it, perhaps in vain.
    pub(crate) fn spread(
        &mut self,
        message: &kernel::message::Message,
        to: Target,
        key: Option<&Key>,
        was_spread: Option<bool>,
        outcome: &Result<Option<Receipt>, NotAppended>,
    ) {
        let is_new = |receipt: &Receipt| !receipt.replayed;
        let told = match outcome {
            Ok(receipt) => receipt.as_ref().map_or(Some(false), |one| is_new(one).then_some(true)),
            Err(_) => None,
        };
        self.check(Promise::Receipt, told == was_spread, || {
            format!("to everyone: {outcome:?}, though it was spread: {was_spread:?}")
        });
        let outcome = match outcome {
            Ok(None) => return self.count(Case::EveryoneNoRoom),
            Ok(Some(receipt)) => Ok(*receipt),
            Err(not) => Err(*not),
        };
        let said = match key {
            Some(key) => self.judges_key(key, None, None, &outcome),
            None => Said::Accepted,
        };
        self.count_if(Case::EveryoneAgain, outcome.is_ok_and(|receipt| receipt.replayed));
        if said == Said::Over {
            return;
        }
        self.count(Case::Everyone);
        let accepted = Accepted {
            id: message.id,
            to,
            except: message.except,
            expires_at: None,
            at: message.at,
            data: message.data.clone(),
            from: message.from.clone(),
            echo_of: None,
            bytes: 0,
        };
        self.fleeting.insert((message.id, false), Fleeting::new(accepted, None));
    }

    fn accepted(&mut self, user: &UserId, draft: &Draft, receipt: &Receipt) {
        let now = self.now();
        let standing: Vec<Stay> = self.person(user).standing(now).cloned().collect();
        let settled = match &draft.to {
            Target::Active => active(&standing).map(Target::Session),
            to => Some(to.clone()),
        };
        let Some(to) = settled.filter(|_| !standing.is_empty()) else {
            let position = None;
            let nobody = Receipt { id: draft.id, position, live: 0, parked: 0, replayed: false };
            self.count(Case::ToNobody);
            return self
                .check(Promise::Receipt, *receipt == nobody, || format!("{receipt:?} of nobody"));
        };
        let accepted = Accepted {
            id: draft.id,
            to,
            except: draft.except,
            expires_at: draft.ttl.map(|ttl| now.after(ttl)),
            at: now,
            data: draft.data.clone(),
            from: draft.from.clone(),
            echo_of: draft.echo_of.clone(),
            bytes: 0,
        };
        let position = (!draft.volatile).then(|| self.takes(user, &accepted, receipt));
        let meant = standing.iter().filter(|stay| {
            let after_joining = position.is_none_or(|position| position > stay.facts.joined);
            after_joining && accepted.is_meant(stay.id, &stay.facts)
        });
        let (live, parked): (Vec<_>, Vec<_>) = meant.partition(|stay| stay.is_live());
        let count = |stays: Vec<&Stay>| u32::try_from(stays.len()).unwrap();
        let parked = if draft.volatile { 0 } else { count(parked) };
        let live = count(live);
        let due = Receipt { id: draft.id, position, live, parked, replayed: false };
        self.check(Promise::Receipt, *receipt == due, || format!("{receipt:?}, not {due:?}"));
        self.counts_sent(draft, parked);
        if draft.volatile {
            let fleeting = Fleeting::new(accepted, Some(user.clone()));
            self.fleeting.insert((draft.id, draft.echo_of.is_some()), fleeting);
        }
    }

    /// A message takes the next place in its stream.
    fn takes(&mut self, user: &UserId, accepted: &Accepted, receipt: &Receipt) -> Position {
        let stream = &mut self.person(user).stream;
        let epoch = receipt.position.map_or(0, |position| position.epoch);
        let right = stream.is_in(epoch);
        let seq = stream.last() + 1;
        stream.push(accepted.clone());
        self.check(Promise::Once, right, || format!("{receipt:?} is in no epoch of {user}"));
        Position { epoch, seq }
    }

    fn counts_sent(&mut self, draft: &Draft, parked: u32) {
        self.count_if(Case::Echo, draft.echo_of.is_some());
        self.count_if(Case::Except, draft.except.is_some());
        self.count_if(Case::CountedParked, parked > 0);
        match &draft.to {
            Target::All => {}
            Target::Active => self.count(Case::ToActive),
            Target::Device(_) => self.count(Case::ToDevice),
            Target::Class(_) => self.count(Case::ToClass),
            Target::Session(_) => self.count(Case::ToSession),
        }
    }
}

/// Whom `active` means: the live session that was used last, else the newest, else so of parked.
fn active(standing: &[Stay]) -> Option<SessionId> {
    let used = |stay: &&Stay| (stay.active_at > stay.facts.created_at).then_some(stay.active_at);
    let last = |stay: &&Stay| (used(stay), stay.facts.created_at, stay.id);
    let live = standing.iter().filter(|stay| stay.is_live()).max_by_key(last);
    live.or_else(|| standing.iter().max_by_key(last)).map(|stay| stay.id)
}
