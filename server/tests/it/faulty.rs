//! Faulty: an engine that fails when a test says so, as one over a network would by itself.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use engine::{
    contract::{
        Admission, Departed, Departure, Ending, Engine, Failed, NotAdmitted, NotAppended,
        NotMinted, Query, Spread,
    },
    mailbox::Mailboxes,
    memory::Memory,
};
use kernel::{
    message::{Fenced, Message},
    registry::{
        Attempt, Blocked, Blocking, Census, Draft, Ended, Grant, Key, Presence, Reader, Receipt,
        Touch,
    },
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{ResumeToken, Ticket},
    name::UserId,
    partition::Partition,
    time::Timestamp,
};
use server::{clock::Clock, config::Config};
use tokio::sync::Notify;

use crate::node::soon;

/// What the engine can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Admit,
    Withdraw,
    Depart,
    Touch,
    Append,
    Begin,
    Everyone,
    Read,
}

/// How a step goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not done, and says so.
    NotDone,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is not done, and nobody can know.
    CallLost,
    /// A bug.
    Panic,
}

/// An engine in memory with faults.
#[derive(Debug)]
pub(crate) struct Faulty {
    memory: Memory,
    /// What happens to the next steps of each kind; `None` is no fault.
    script: Mutex<VecDeque<(Step, Option<Fault>)>>,
    played: Notify,
    /// Where it answers nothing about coming and going.
    lost: Mutex<Option<Partition>>,
    missed: Notify,
}

impl Faulty {
    pub(crate) fn new(config: &Config, mailboxes: Mailboxes) -> Arc<Self> {
        let memory = Memory::new(config.terms(), mailboxes, Arc::new(Clock::timestamp));
        let (script, lost) = (Mutex::default(), Mutex::default());
        Arc::new(Self { memory, script, played: Notify::new(), lost, missed: Notify::new() })
    }

    /// The next steps of this kind fare so, one after the other.
    pub(crate) fn next(&self, step: Step, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.script.lock().unwrap().extend(faults.into_iter().map(|fault| (step, fault)));
    }

    /// Waits until all that was to happen has happened.
    pub(crate) async fn played(&self) {
        let played = async {
            while !self.script.lock().unwrap().is_empty() {
                self.played.notified().await;
            }
        };
        soon("all faults to have happened", played).await;
    }

    /// Loses a partition; the one that was lost is found.
    pub(crate) fn lose(&self, partition: Option<Partition>) {
        *self.lost.lock().unwrap() = partition;
    }

    /// Waits until it is asked for what it has lost.
    pub(crate) async fn missed(&self) {
        soon("a step that is lost", self.missed.notified()).await;
    }

    fn has(&self, partition: Partition) -> Result<(), Failed> {
        if *self.lost.lock().unwrap() != Some(partition) {
            return Ok(());
        }
        self.missed.notify_one();
        Err(Failed::Unknown)
    }

    fn fault(&self, step: Step) -> Option<Fault> {
        let mut script = self.script.lock().unwrap();
        let place = script.iter().position(|(of, _)| *of == step)?;
        let fault = script.remove(place)?.1;
        self.played.notify_one();
        fault
    }

    /// Does a step, or not, and answers, or not.
    async fn take<T, E: From<Failed>>(
        &self,
        step: Step,
        done: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.fault(step) {
            None => done.await,
            Some(Fault::NotDone) => Err(Failed::NotDone.into()),
            Some(Fault::CallLost) => Err(Failed::Unknown.into()),
            Some(Fault::AnswerLost) => {
                assert!(done.await.is_ok(), "it goes well");
                Err(Failed::Unknown.into())
            }
            Some(Fault::Panic) => panic!("the engine has a bug"),
        }
    }
}

#[async_trait]
impl Engine for Faulty {
    async fn mint(
        &self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Result<Timestamp, NotMinted> {
        self.memory.mint(ticket, grant, ttl).await
    }

    async fn admit(&self, attempt: Attempt) -> Result<Admission, NotAdmitted> {
        self.has(attempt.session.partition())?;
        self.take(Step::Admit, self.memory.admit(attempt)).await
    }

    async fn withdraw(&self, attempt: &Attempt) -> Result<Departed, Failed> {
        self.has(attempt.session.partition())?;
        self.take(Step::Withdraw, self.memory.withdraw(attempt)).await
    }

    async fn hold(&self, token: ResumeToken, wait: Duration) -> Result<(), Failed> {
        self.memory.hold(token, wait).await
    }

    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<Departed, Failed> {
        self.has(fenced.session.partition())?;
        self.take(Step::Depart, self.memory.depart(fenced, departure)).await
    }

    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed> {
        self.take(Step::Touch, self.memory.touch(fenced, touch)).await
    }

    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended> {
        self.take(Step::Append, self.memory.append(user, draft)).await
    }

    async fn begin(&self, key: &Key) -> Result<(), NotAppended> {
        self.take(Step::Begin, self.memory.begin(key)).await
    }

    async fn everyone(
        &self,
        message: Arc<Message>,
        key: Option<Key>,
    ) -> Result<Spread, NotAppended> {
        self.take(Step::Everyone, self.memory.everyone(message, key)).await
    }

    async fn read(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Failed> {
        self.take(Step::Read, self.memory.read(reader, messages, bytes)).await
    }

    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<Ended>, Failed> {
        self.memory.end(ending, code).await
    }

    async fn block(&self, user: &UserId, blocking: Blocking) -> Result<Vec<Ended>, Failed> {
        self.memory.block(user, blocking).await
    }

    async fn blocks(&self, after: Option<UserId>, most: usize) -> Result<Vec<Blocked>, Failed> {
        self.memory.blocks(after, most).await
    }

    async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, Failed> {
        self.memory.presence(users).await
    }

    async fn census(&self) -> Result<Census, Failed> {
        self.memory.census().await
    }

    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed> {
        self.memory.sessions(query).await
    }

    async fn sweep(&self) -> Result<Vec<Ended>, Failed> {
        self.memory.sweep().await
    }

    fn durability(&self) -> Durability {
        self.memory.durability()
    }
}
