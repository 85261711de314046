//! Deliveries: messages that are sent by calls and looked for at their recipients.

use std::time::Duration;

use super::{
    caller::Call, crowd, event::Event, flow::Tally, ledger::Ledger, load::Load, stamp::Stamp,
};
use crate::failure::Failure;

/// What is on its way.
#[derive(Debug)]
pub(super) struct Deliveries {
    ledger: Ledger,
    /// Calls that were not answered yet.
    calls: u64,
    size: usize,
    /// Of the last one that came.
    text_bytes: usize,
}

/// A message, before it has a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft<'a> {
    pub(super) path: &'a str,
    /// The body of the call up to its `data`, which is last.
    pub(super) front: &'a [u8],
    pub(super) due: Duration,
}

impl Deliveries {
    /// None so far, to so many sessions, with `data` of this size.
    pub(super) fn new(sessions: usize, size: usize) -> Self {
        Self { ledger: Ledger::new(sessions), calls: 0, size, text_bytes: 0 }
    }

    /// Sends a message by a caller that is free, which all of these sessions have to get.
    pub(super) fn send(
        &mut self,
        load: &mut Load,
        caller: usize,
        recipients: impl IntoIterator<Item = usize>,
        draft: Draft<'_>,
    ) -> Result<(), Failure> {
        let numbers = recipients.into_iter().map(|session| self.ledger.sent(session));
        // Those who get the same messages are at the same number.
        let number = numbers.last().unwrap_or_default();
        let mut body = draft.front.to_vec();
        Stamp { number, due: draft.due }.write(self.size, &mut body);
        body.push(b'}');
        self.calls += 1;
        load.call(caller, Call::post(draft.path, &body))
    }

    /// Looks at what came.
    pub(super) fn told(
        &mut self,
        event: Event<'_>,
        now: Duration,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        match event {
            Event::Answered { status: 200, .. } => self.calls -= 1,
            Event::Answered { status, body, .. } => return Err(crowd::refused(status, body)),
            Event::Text { session, text } => {
                let stamp = crowd::stamp(session, text, self.size)?;
                self.ledger.came(session, stamp.number)?;
                tally.arrived(stamp.due, now);
                self.text_bytes = text.len();
            }
            Event::Closed { session, end } => return Err(crowd::lost(session, end)),
            Event::Welcomed { .. } => {}
        }
        Ok(())
    }

    /// Calls that were not answered yet.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// Deliveries that did not come yet.
    pub(super) fn missing(&self) -> u64 {
        self.ledger.under_way()
    }

    /// Whether a session has all that it was sent.
    pub(super) fn is_even(&self, session: usize) -> bool {
        self.ledger.is_even(session)
    }

    /// How long the text of a frame is.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// What is not over.
    pub(super) fn under_way(&self) -> u64 {
        self.calls + self.ledger.under_way()
    }

    /// Says what is missing, if anything is.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        self.ledger.settle()
    }
}
