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
    Depart(Fenced, Departure),
    /// An attempt was given up, whatever has become of it.
    Withdraw(Box<Attempt>),
}

/// What is told when a step was of any effect.
#[derive(Debug)]
pub(super) struct Told {
    /// Whose session it is: perhaps the last one.
    pub(super) user: UserId,
    /// What became of the session, if anybody was told that it is there.
    pub(super) what: Option<What>,
}

/// A step, and whom it is told of.
type Waiting = (Step, Option<Told>);

/// Steps that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    waiting: Mutex<VecDeque<Waiting>>,
    more: Notify,
}

impl Unsettled {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a step to [`Node::settle_all`].
    pub(super) fn push(&self, waiting: Waiting) {
        self.lock().push_back(waiting);
        self.more.notify_one();
    }

    /// Whether there are so many that more should not be risked.
    pub(super) fn is_crowded(&self) -> bool {
        self.lock().len() >= CROWDED
    }
}

impl Node {
    /// Takes a step, now or when the engine answers.
    pub(super) async fn settle(&self, step: Step, told: Option<Told>) {
        match self.take_step(&step).await {
            Ok(departed) => self.tell_departed(departed, told),
            Err(error) => {
                tracing::warn!(%error, "a session's departure waits for the engine");
                self.unsettled.push((step, told));
            }
        }
    }

    /// Tries for ever what was not answered.
    pub(crate) async fn settle_all(&self) {
        loop {
            self.unsettled.more.notified().await;
            loop {
                let next = self.unsettled.lock().pop_front();
                let Some((step, told)) = next else { break };
                match self.take_step(&step).await {
                    Ok(departed) => self.tell_departed(departed, told),
                    Err(_) => {
                        self.unsettled.lock().push_front((step, told));
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    async fn take_step(&self, step: &Step) -> Result<Departed, Failed> {
        match step {
            Step::Depart(fenced, departure) => self.engine.depart(*fenced, *departure).await,
            Step::Withdraw(attempt) => self.engine.withdraw(attempt).await,
        }
    }

    fn tell_departed(&self, departed: Departed, told: Option<Told>) {
        let Some(Told { user, what }) = told else { return };
        let last = match departed {
            Departed::Void => return,
            Departed::Parked => false,
            Departed::Ended { last } => last,
        };
        if let Some(what) = what {
            self.tell(what);
        }
        if last {
            self.tell(What::UserOffline { user });
        }
    }
}
