//! Memory: an engine in this process, for one node.
//!
//! The registry of each partition under a lock of its own. Envelopes are put into the shards'
//! mailboxes while the lock is held, so their order is the order of the steps. All is gone when the
//! process ends; a new one begins with greater epochs, so that nobody takes its streams for the old.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    message::{Fenced, Message, Notice},
    registry::{
        self, Attempt, Blocked, Blocking, Census, Draft, Ended, Grant, Key, Mail, Presence, Reader,
        Receipt, Registry, Terms, Touch, Verdict, Which,
    },
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{MessageId, ResumeToken, Ticket},
    name::UserId,
    partition::{PARTITIONS, Partition},
    time::Timestamp,
};

use crate::{
    contract::{
        Admission, Departed, Departure, Ending, Engine, Failed, NotAdmitted, NotAppended,
        NotMinted, Query, Spread,
    },
    mailbox::Mailboxes,
};

/// Sessions that one sweep ends; each may take an envelope of the mailboxes' reserve.
const SWEPT_MAX: usize = PARTITIONS / 2;

/// Tells the time; handed in, so that tests have one of their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An engine in this process.
pub struct Memory {
    partitions: Box<[Mutex<Registry>]>,
    mailboxes: Mailboxes,
    clock: Clock,
    /// Which partition is swept next. Held for a whole sweep: two at once might send more than the
    /// mailboxes' reserve.
    next_sweep: Mutex<u8>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// An engine that keeps `terms`, tells time by `clock`, and fills `mailboxes`.
    #[must_use]
    pub fn new(terms: Terms, mailboxes: Mailboxes, clock: Clock) -> Self {
        let partitions = (0..PARTITIONS).map(|_| Mutex::new(Registry::new(terms))).collect();
        Self { partitions, mailboxes, clock, next_sweep: Mutex::new(0) }
    }

    /// A panic while the lock was held was a bug of ours in one step; the others go on.
    fn partition(&self, partition: Partition) -> MutexGuard<'_, Registry> {
        let registry = &self.partitions[usize::from(partition.0)];
        registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, user: &UserId) -> MutexGuard<'_, Registry> {
        self.partition(Partition::of(user))
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Called with the partition's lock held, so that envelopes keep the order of the steps.
    fn post(&self, mail: Vec<Mail>) {
        for Mail { envelope, .. } in mail {
            // An answer that does not fit is asked for again. It comes of steps that cannot wait.
            let may_be_lost = matches!(envelope.notice, Notice::Probed(_));
            if !may_be_lost || self.mailboxes.has_room(&envelope.user) {
                self.mailboxes.deliver(envelope);
            }
        }
    }

    fn room_for(&self, user: &UserId) -> Result<(), Failed> {
        if self.mailboxes.has_room(user) { Ok(()) } else { Err(Failed::NotDone) }
    }

    /// A page of what all partitions have, one after the other, from behind `after` on.
    fn page<K: Copy, T>(
        &self,
        after: Option<(Partition, K)>,
        most: usize,
        some: impl Fn(&Registry, Option<K>, usize) -> Vec<T>,
    ) -> Vec<T> {
        let first = after.map_or(0, |(partition, _)| partition.0);
        let mut found = Vec::new();
        for partition in (first..=u8::MAX).map(Partition) {
            let missing = most - found.len();
            if missing == 0 {
                break;
            }
            let after = after.filter(|(its, _)| *its == partition).map(|(_, key)| key);
            found.extend(some(&self.partition(partition), after, missing));
        }
        found
    }
}

fn not_appended(not: registry::NotAppended) -> NotAppended {
    match not {
        registry::NotAppended::KeyReused => NotAppended::KeyReused,
        registry::NotAppended::TooManyKeys => NotAppended::Failed(Failed::NotDone),
    }
}

#[async_trait]
impl Engine for Memory {
    async fn mint(
        &self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Result<Timestamp, NotMinted> {
        let mut registry = self.partition(ticket.partition());
        registry.mint(self.now(), ticket, grant, ttl).ok_or(NotMinted::Blocked)
    }

    async fn admit(&self, attempt: Attempt) -> Result<Admission, NotAdmitted> {
        let mut registry = self.partition(attempt.proof.partition());
        if let Some(user) = registry.user_of_proof(&attempt.proof) {
            self.room_for(user)?;
        }
        let (verdict, mail) = registry.admit(self.now(), &attempt);
        self.post(mail);
        match verdict {
            Verdict::Admitted { admitted, ended } => Ok(Admission { admitted, ended }),
            Verdict::Asked(asked) => Err(NotAdmitted::Asked(asked)),
            Verdict::Refused(code) => Err(NotAdmitted::Refused(code)),
        }
    }

    async fn withdraw(&self, attempt: &Attempt) -> Result<Departed, Failed> {
        let mut registry = self.partition(attempt.proof.partition());
        let (withdrawn, mail) = registry.withdraw(self.now(), attempt);
        self.post(mail);
        Ok(withdrawn.into())
    }

    async fn hold(&self, token: ResumeToken, wait: Duration) -> Result<(), Failed> {
        self.partition(token.partition()).hold(self.now(), token, wait);
        Ok(())
    }

    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<Departed, Failed> {
        let mut registry = self.partition(fenced.session.partition());
        let (departed, mail) = departure.take(self.now(), &mut registry, fenced);
        self.post(mail);
        Ok(departed)
    }

    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed> {
        let mut registry = self.partition(fenced.session.partition());
        let mail = registry.touch(self.now(), fenced, touch);
        self.post(mail);
        Ok(())
    }

    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended> {
        let mut registry = self.of(user);
        self.room_for(user)?;
        let (receipt, mail) = registry.append(self.now(), user, draft).map_err(not_appended)?;
        self.post(mail);
        Ok(receipt)
    }

    async fn begin(&self, key: &Key) -> Result<(), NotAppended> {
        // The call has no message of its own.
        let none = MessageId::new(Partition(0), 0);
        let begun = self.partition(Partition(0)).everyone(self.now(), none, Some(key), || true);
        begun.map(drop).map_err(not_appended)
    }

    async fn everyone(
        &self,
        message: Arc<Message>,
        key: Option<Key>,
    ) -> Result<Spread, NotAppended> {
        // One at a time, as mailboxes want it; that partition keeps the keys of them all.
        let mut registry = self.partition(Partition(0));
        let spread = || self.mailboxes.deliver_to_all(&message).is_ok();
        let receipt = registry.everyone(self.now(), message.id, key.as_ref(), spread);
        let receipt = receipt.map_err(not_appended)?.ok_or(Failed::NotDone)?;
        Ok(Spread { id: receipt.id, nodes: 1, replayed: receipt.replayed })
    }

    async fn read(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Failed> {
        Ok(self.of(&reader.user).read(self.now(), reader, messages, bytes))
    }

    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<Ended>, Failed> {
        let (mut registry, user, which) = match ending {
            Ending::Session(session) => {
                let registry = self.partition(session.partition());
                let Some(user) = registry.user_of(*session).cloned() else {
                    return Ok(Vec::new());
                };
                (registry, user, Which::One(*session))
            }
            Ending::User { user, except } => (self.of(user), user.clone(), Which::AllBut(*except)),
        };
        self.room_for(&user)?;
        let (ended, mail) = registry.end(self.now(), &user, which, code);
        self.post(mail);
        Ok(ended)
    }

    async fn block(&self, user: &UserId, blocking: Blocking) -> Result<Vec<Ended>, Failed> {
        let mut registry = self.of(user);
        self.room_for(user)?;
        let (ended, mail) = registry.block(self.now(), user, blocking);
        self.post(mail);
        Ok(ended)
    }

    async fn blocks(&self, after: Option<UserId>, most: usize) -> Result<Vec<Blocked>, Failed> {
        let now = self.now();
        let after = after.as_ref().map(|user| (Partition::of(user), user));
        Ok(self.page(after, most, |registry, after, most| registry.blocks(now, after, most)))
    }

    async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, Failed> {
        let now = self.now();
        Ok(users.iter().map(|user| self.of(user).presence(now, user)).collect())
    }

    async fn census(&self) -> Result<Census, Failed> {
        let now = self.now();
        let each = (0..=u8::MAX).map(|n| self.partition(Partition(n)).census(now));
        Ok(each.fold(Census::default(), |sum, one| Census {
            users: sum.users + one.users,
            live: sum.live + one.live,
            parked: sum.parked + one.parked,
        }))
    }

    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed> {
        let now = self.now();
        Ok(match query {
            Query::Session(id) => {
                self.partition(id.partition()).session(now, *id).into_iter().collect()
            }
            Query::User(user) => self.of(user).sessions_of(now, user),
            Query::All { after, most } => {
                let after = after.map(|session| (session.partition(), session));
                self.page(after, *most, |registry, after, most| registry.sessions(now, after, most))
            }
        })
    }

    async fn sweep(&self) -> Result<Vec<Ended>, Failed> {
        let mut next = self.next_sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let mut registry = self.partition(Partition(*next));
        *next = next.wrapping_add(1);
        let swept = registry.sweep(self.now(), SWEPT_MAX, |user| self.mailboxes.has_room(user));
        self.post(swept.mail);
        Ok(swept.ended)
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[cfg(test)]
mod tests;
