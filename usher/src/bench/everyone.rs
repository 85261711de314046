//! Everyone: messages to all sessions now and then, beside those that are measured.
//!
//! They are what delays the others, so they are checked, and nothing else is told of them.

use std::time::Duration;

use super::{
    deliveries::{Deliveries, Draft},
    event::Event,
    flow::Tally,
    load::Load,
    pace::Pace,
    stamp,
};
use crate::failure::Failure;

/// Messages to everyone at a rate, one at a time.
#[derive(Debug)]
pub(super) struct Everyone {
    sessions: usize,
    pace: Pace,
    deliveries: Deliveries,
    /// Who called last.
    caller: Option<usize>,
    /// How long they took. Nobody asks.
    tally: Tally,
}

impl Everyone {
    /// So many a second to so many sessions, with `data` of this size.
    pub(super) fn new(rate: u32, sessions: usize, size: usize, start: Duration) -> Self {
        let (pace, deliveries) = (Pace::new(Some(rate), start), Deliveries::new(sessions, size));
        Self { sessions, pace, deliveries, caller: None, tally: Tally::new() }
    }

    /// Sends one if it is time, and the last one has arrived.
    pub(super) fn act(&mut self, load: &mut Load) -> Result<(), Failure> {
        let Some(due) = self.pace.due(load.now()) else { return Ok(()) };
        if self.under_way() > 0 {
            return Ok(());
        }
        let Some(caller) = load.free_caller() else { return Ok(()) };
        self.pace.done();
        self.caller = Some(caller);
        let draft = Draft { path: "/v1/messages", front: br#"{"everyone":true,"data":"#, due };
        self.deliveries.send(load, caller, 0..self.sessions, draft)
    }

    /// Whether something is about one of them. They alone have no position.
    pub(super) fn is_meant(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Answered { caller, .. } => {
                self.deliveries.calls() > 0 && self.caller == Some(*caller)
            }
            Event::Text { text, .. } => stamp::position(text).is_none(),
            Event::Welcomed { .. } | Event::Closed { .. } => false,
        }
    }

    /// Looks at what came.
    pub(super) fn told(&mut self, event: Event<'_>, now: Duration) -> Result<(), Failure> {
        self.deliveries.told(event, now, &mut self.tally)
    }

    /// What is not over.
    pub(super) fn under_way(&self) -> u64 {
        self.deliveries.under_way()
    }

    /// Says what is missing, if anything is.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        self.deliveries.settle()
    }
}
