//! Follow: a thread that tells what happens at the node of this process.
//!
//! A thread of its own: an output that nobody reads must neither keep signals from being heard nor
//! the process from ending.

use std::{
    io,
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Duration,
};

use protocol::event::Event;
use server::journal::Watcher;

/// How long the last lines may take, if nobody reads them.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The thread.
#[derive(Debug)]
pub(crate) struct Follower(Receiver<()>);

impl Follower {
    /// Tells of each event until the node has stopped.
    pub(crate) fn start(
        mut events: Watcher,
        mut tell: impl FnMut(&Event) + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (done, ended) = sync_channel(1);
        thread::Builder::new().name("usher-events".to_owned()).spawn(move || {
            while let Some(next) = runtime.block_on(events.next()) {
                tell(&next.event);
            }
            done.send(()).ok();
        })?;
        Ok(Self(ended))
    }

    /// Waits until the last was told; to be called when the node has stopped.
    pub(crate) fn end(self) {
        self.0.recv_timeout(LAST_WAIT).ok();
    }
}
