//! Paced: news of which only the latest counts, and that the server wants to hear only so often.

use std::time::Duration;

use super::moment::Moment;

/// The latest of some news, if it is still to be told.
#[derive(Debug)]
pub(super) struct Paced<T> {
    every: Duration,
    latest: Option<T>,
    told: Option<Moment>,
}

impl<T> Paced<T> {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, latest: None, told: None }
    }

    /// There is news; it takes the place of what was not told yet.
    pub(super) fn set(&mut self, news: T) {
        self.latest = Some(news);
    }

    /// The news, if it may be told now.
    pub(super) fn take(&mut self, now: Moment) -> Option<T> {
        if self.due()? > now {
            return None;
        }
        self.told = Some(now);
        self.latest.take()
    }

    /// When there is something to tell.
    pub(super) fn due(&self) -> Option<Moment> {
        self.latest.as_ref()?;
        Some(self.told.map_or_else(Moment::default, |told| told.after(self.every)))
    }
}
