//! Unsettled: steps that the engine has not answered, and that nobody else would take again.
//!
//! An engine may fail to take a step, or take it and lose the answer. Whoever called is told so, and
//! calls again. But a session whose socket is gone calls nobody: for the registry it would stay live
//! until it is too old. So its park, its end, and the withdrawal of an admission that was given up
//! are tried here until the engine answers. So is it told that a session which came back has its new
//! token: until then whoever has the old one can take the session over.
//!
//! A part of the engine may be lost for hours. So the steps of each partition wait by themselves, and
//! those of all others go on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::contract::{Departed, Departure, Failed};
use kernel::{
    message::Fenced,
    registry::{Attempt, Touch},
};
use protocol::{
    event::What,
    name::UserId,
    partition::{PARTITIONS, Partition},
};
use tokio::{sync::Notify, task::JoinSet};

use super::Node;

/// Steps that wait in a partition, beyond which nobody new is admitted there. Then at most one more
/// comes for each session that is here. It takes about a second to go through them.
const CROWDED: usize = 1 << 10;

/// Steps that are tried in vain, one after the other, before a pause: what stands against one may be
/// its own.
const IN_VAIN: usize = 4;

/// Between such tries.
const PAUSE: Duration = Duration::from_millis(200);

/// A step that must be answered.
#[derive(Debug)]
pub(super) enum Step {
    /// A session's socket is gone.
    Depart(Departing),
    /// An attempt was given up, whatever has become of it.
    Withdraw(Box<Attempt>),
    /// A session that came back has its `welcome`.
    Confirm(Fenced),
}

/// A session whose socket is gone.
#[derive(Debug)]
pub(super) struct Departing {
    pub(super) fenced: Fenced,
    pub(super) departure: Departure,
    pub(super) user: UserId,
    /// Why, unless nobody was told that it is there.
    pub(super) code: Option<u16>,
}

impl Step {
    fn partition(&self) -> Partition {
        match self {
            Self::Depart(departing) => departing.fenced.session.partition(),
            Self::Withdraw(attempt) => attempt.session.partition(),
            Self::Confirm(fenced) => fenced.session.partition(),
        }
    }
}

/// Steps that are not answered yet.
#[derive(Debug)]
pub(super) struct Unsettled(Box<[Queue]>);

/// Those of one partition.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<VecDeque<Step>>,
    more: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Unsettled {
    fn default() -> Self {
        Self((0..PARTITIONS).map(|_| Queue::default()).collect())
    }
}

impl Unsettled {
    fn of(&self, partition: Partition) -> &Queue {
        &self.0[usize::from(partition.0)]
    }

    /// Leaves a step to [`Node::settle_all`].
    pub(super) fn push(&self, step: Step) {
        let queue = self.of(step.partition());
        queue.lock().push_back(step);
        queue.more.notify_one();
    }

    /// Whether so many wait in a partition that more should not be risked.
    pub(super) fn is_crowded(&self, partition: Partition) -> bool {
        self.of(partition).lock().len() >= CROWDED
    }
}

impl Node {
    /// Takes a step, now or when the engine answers.
    pub(super) async fn settle(&self, step: Step) {
        if let Err(error) = self.take_step(&step).await {
            self.note_untaken("what became of a session waits for the engine", error);
            self.unsettled.push(step);
        }
    }

    /// Tries for ever what was not answered.
    pub(crate) async fn settle_all(self: Arc<Self>) {
        let mut each = JoinSet::new();
        for partition in Partition::all() {
            let node = Arc::clone(&self);
            each.spawn(async move { node.settle_in(partition).await });
        }
        while each.join_next().await.is_some() {}
    }

    async fn settle_in(&self, partition: Partition) {
        let queue = self.unsettled.of(partition);
        let mut in_vain = 0;
        loop {
            let next = queue.lock().pop_front();
            let Some(step) = next else {
                queue.more.notified().await;
                continue;
            };
            if self.take_step(&step).await.is_ok() {
                in_vain = 0;
                continue;
            }
            in_vain += 1;
            let waiting = {
                let mut waiting = queue.lock();
                waiting.push_back(step);
                waiting.len()
            };
            if in_vain >= waiting.min(IN_VAIN) {
                in_vain = 0;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Takes a step, and tells what came of it.
    async fn take_step(&self, step: &Step) -> Result<(), Failed> {
        match step {
            Step::Depart(departing) => {
                let Departing { fenced, departure, .. } = *departing;
                self.tell_departed(self.engine.depart(fenced, departure).await?, departing);
            }
            Step::Withdraw(attempt) => {
                self.engine.withdraw(attempt).await?;
            }
            Step::Confirm(fenced) => self.engine.touch(*fenced, Touch::Welcomed).await?,
        }
        Ok(())
    }

    fn tell_departed(&self, departed: Departed, departing: &Departing) {
        let last = match departed {
            Departed::Void => return,
            Departed::Parked => false,
            Departed::Ended { last } => last,
        };
        let Departing { fenced, departure, user, code } = departing;
        if let Some(code) = *code {
            let (user, session) = (user.clone(), fenced.session);
            self.tell(match departure {
                Departure::Park => What::SessionParked { user, session, code, of: None },
                Departure::End(_) => What::SessionEnded { user, session, code },
            });
        }
        if last {
            self.tell(What::UserOffline { user: user.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
