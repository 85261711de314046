//! Places: room for sockets that have yet to say what they want, or what they want next.
//!
//! Silence costs a stranger nothing, so there can be more silent sockets than there is room. If the
//! next one had to wait then, some thousands of them would keep everybody else out for as long as
//! each may be silent. So when room gets scarce, who is there longest is asked to go.
//!
//! Not here: how one goes, and a bound for those who take their time about it.

use std::{collections::VecDeque, convert::Infallible};

use tokio::sync::oneshot;

/// Places that are not looked through.
const FEW: usize = 32;

/// Who is there, longest first.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    /// Each is dropped to ask its owner to go. Some have gone already.
    taken: VecDeque<oneshot::Sender<Infallible>>,
    /// How many there may be before those who have gone are forgotten: as long as they are not, each
    /// keeps the task that waited, which is no small one.
    forget_at: usize,
}

/// A place, as long as it is held.
#[derive(Debug)]
pub(crate) struct Place(oneshot::Receiver<Infallible>);

impl Places {
    /// Room for `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, taken: VecDeque::new(), forget_at: FEW.min(max) }
    }

    /// A place for one more.
    pub(crate) fn take(&mut self) -> Place {
        if self.taken.len() >= self.forget_at {
            self.taken.retain(|place| !place.is_closed());
            // Twice as many as are there, so that a look at all of them is seldom.
            self.forget_at = (self.taken.len() * 2).max(FEW).min(self.max);
        }
        if self.taken.len() >= self.max {
            self.taken.pop_front();
        }
        let (ask, asked) = oneshot::channel();
        self.taken.push_back(ask);
        Place(asked)
    }
}

impl Place {
    /// Returns when its owner is asked to go.
    pub(crate) async fn wanted(&mut self) {
        // Nothing is ever sent; that it cannot be any more is the message.
        (&mut self.0).await.ok();
    }
}

#[cfg(test)]
mod tests;
