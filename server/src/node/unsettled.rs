//! Unsettled: steps that the engine has not answered, and that nobody else would take again.
//!
//! An engine may fail to take a step, or take it and lose the answer. Whoever called is told so, and
//! calls again. But a session whose socket is gone calls nobody: for the registry it would stay live
//! until it is too old. So its park, its end, and the withdrawal of an admission that was given up
//! are tried here, one after the other, until the engine answers.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::contract::{Departed, Departure, Failed};
use kernel::{message::Fenced, registry::Attempt};
use protocol::{event::What, name::UserId};
use tokio::sync::Notify;

use super::Node;

/// Steps that wait, beyond which nobody new is admitted. Then at most one more comes for each
/// session that is here.
const CROWDED: usize = 1 << 16;

/// Between two tries, while the engine does not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// A step that must be answered.
#[derive(Debug)]
pub(super) enum Step {
    /// A session's socket is gone.
    Depart(Departing),
    /// An attempt was given up, whatever has become of it.
    Withdraw(Box<Attempt>),
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

/// Steps that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    waiting: Mutex<VecDeque<Step>>,
    more: Notify,
}

impl Unsettled {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a step to [`Node::settle_all`].
    pub(super) fn push(&self, step: Step) {
        self.lock().push_back(step);
        self.more.notify_one();
    }

    /// Whether there are so many that more should not be risked.
    pub(super) fn is_crowded(&self) -> bool {
        self.lock().len() >= CROWDED
    }
}

impl Node {
    /// Takes a step, now or when the engine answers.
    pub(super) async fn settle(&self, step: Step) {
        if let Err(error) = self.take_step(&step).await {
            tracing::warn!(%error, "a session's departure waits for the engine");
            self.unsettled.push(step);
        }
    }

    /// Tries for ever what was not answered.
    pub(crate) async fn settle_all(&self) {
        loop {
            let next = self.unsettled.lock().pop_front();
            let Some(step) = next else {
                self.unsettled.more.notified().await;
                continue;
            };
            if self.take_step(&step).await.is_err() {
                self.unsettled.lock().push_front(step);
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
