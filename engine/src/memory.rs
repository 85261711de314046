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
    message::Fenced,
    registry::{
        Admitted, Attempt, Draft, Ended, Grant, Mail, Receipt, Registry, Terms, Touch, Which,
    },
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{SessionId, Ticket},
    name::UserId,
    partition::{PARTITIONS, Partition},
    position::Position,
    time::Timestamp,
};

use crate::{
    contract::{Departure, Ending, Engine, Failed, NotAdmitted, Query},
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
            self.mailboxes.deliver(envelope);
        }
    }

    fn room_for(&self, user: &UserId) -> Result<(), Failed> {
        if self.mailboxes.has_room(user) { Ok(()) } else { Err(Failed::NotDone) }
    }
}

#[async_trait]
impl Engine for Memory {
    async fn mint(&self, ticket: Ticket, grant: Grant, ttl: Duration) -> Result<Timestamp, Failed> {
        Ok(self.partition(ticket.partition()).mint(self.now(), ticket, grant, ttl))
    }

    async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted> {
        let mut registry = self.partition(attempt.proof.partition());
        if let Some(user) = registry.user_of_proof(&attempt.proof) {
            self.room_for(user)?;
        }
        let (admitted, mail) =
            registry.admit(self.now(), &attempt).map_err(NotAdmitted::Refused)?;
        self.post(mail);
        Ok(admitted)
    }

    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<bool, Failed> {
        let mut registry = self.partition(fenced.session.partition());
        Ok(match departure {
            Departure::Park => registry.park(self.now(), fenced),
            Departure::End(code) => registry.release(self.now(), fenced, code),
        })
    }

    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed> {
        self.partition(fenced.session.partition()).touch(self.now(), fenced, touch);
        Ok(())
    }

    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, Failed> {
        let mut registry = self.of(user);
        self.room_for(user)?;
        let (receipt, mail) = registry.append(self.now(), user, draft);
        self.post(mail);
        Ok(receipt)
    }

    async fn read(
        &self,
        user: &UserId,
        after: Position,
        messages: usize,
        bytes: usize,
    ) -> Result<Page, Failed> {
        // A session that reads is kept with its user, so there is a stream.
        self.of(user).read(self.now(), user, after, messages, bytes).ok_or(Failed::NotDone)
    }

    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<SessionId>, Failed> {
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

    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed> {
        let now = self.now();
        Ok(match query {
            Query::Session(id) => {
                self.partition(id.partition()).session(now, *id).into_iter().collect()
            }
            Query::User(user) => self.of(user).sessions_of(now, user),
            Query::All { after, most } => {
                let first = after.map_or(0, |session| session.partition().0);
                let mut found = Vec::new();
                for partition in (first..=u8::MAX).map(Partition) {
                    let after = after.filter(|session| session.partition() == partition);
                    let missing = most - found.len();
                    if missing == 0 {
                        break;
                    }
                    found.extend(self.partition(partition).sessions(now, after, missing));
                }
                found
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
