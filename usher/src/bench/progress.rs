//! Progress: a bar for a person at a terminal, nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A second draws no more often, so that drawing costs the load nothing.
const DRAWS_PER_SECOND: u8 = 5;

/// How far something has come.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// So many of something are to come.
    pub(super) fn of(total: u64, what: &'static str) -> Self {
        Self::new(total, what, "{msg:>14} {wide_bar} {pos} of {len}")
    }

    /// So much time is to pass.
    pub(super) fn until(end: Duration, what: &'static str) -> Self {
        let total = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
        Self::new(total, what, "{msg:>14} {wide_bar} {eta} left")
    }

    fn new(total: u64, what: &'static str, form: &'static str) -> Self {
        // Where standard error is no terminal it draws nothing.
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(what);
        bar.set_style(ProgressStyle::with_template(form).expect("the form is well-formed"));
        Self(bar)
    }

    /// So many are there.
    pub(super) fn at(&self, count: u64) {
        self.0.set_position(count);
    }

    /// So much time has passed.
    pub(super) fn passed(&self, time: Duration) {
        self.0.set_position(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
