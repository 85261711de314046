//! Watch: which sockets of a shard's sessions are ready, without a task for each.
//!
//! What the runtime keeps for a socket that it watches, and for a task that waits for it, is more
//! than all else that an idle session costs. So the sessions' sockets are with a list of the kernel
//! that is the shard's own (`epoll`, or what stands for it), and the runtime watches only whether
//! there is something in that. A socket is told of once for each change; who is told reads or writes
//! until there is no more.

use std::{
    io::{ErrorKind, Result},
    os::fd::AsRawFd,
    time::Duration,
};

use mio::{Events, Interest, Poll, Registry, Token, unix::SourceFd};
use tokio::io::{self, unix::AsyncFd};

/// Sockets that are told of at once.
const EVENTS: usize = 256;

/// The way to the list.
#[derive(Debug)]
pub(crate) struct Watched(Registry);

/// What the list tells.
#[derive(Debug)]
pub(crate) struct Watch {
    poll: Poll,
    /// The same list, for the runtime to watch.
    list: AsyncFd<Registry>,
    events: Events,
}

/// A change of one socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// Under which number it is watched.
    pub(super) index: usize,
    /// There is something to read.
    pub(super) is_readable: bool,
    /// And behind it the end.
    pub(super) ends: bool,
}

/// An empty list; to be called on a runtime.
pub(crate) fn begin() -> Result<(Watched, Watch)> {
    let poll = Poll::new()?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe, for the sake of types that do not own what they name; \
                  this one does"
    )]
    let list = AsyncFd::with_interest(poll.registry().try_clone()?, io::Interest::READABLE)?;
    let watched = Watched(poll.registry().try_clone()?);
    Ok((watched, Watch { poll, list, events: Events::with_capacity(EVENTS) }))
}

impl Watched {
    /// Tells of a socket under this number, also of what it is ready for already.
    pub(super) fn add(&self, socket: &impl AsRawFd, index: usize) -> Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.0.register(&mut SourceFd(&socket.as_raw_fd()), Token(index), both)
    }

    /// Tells of it no more. One that is closed need not be removed.
    pub(super) fn remove(&self, socket: &impl AsRawFd) -> Result<()> {
        self.0.deregister(&mut SourceFd(&socket.as_raw_fd()))
    }
}

impl Watch {
    /// Waits for changes.
    pub(super) async fn changes(&mut self) -> Result<impl Iterator<Item = Change>> {
        let mut ready = self.list.readable().await?;
        look(&mut self.poll, &mut self.events)?;
        // If there may be more, this is tried again without being told.
        if self.events.iter().count() < EVENTS {
            ready.clear_ready();
        }
        Ok(changes(&self.events))
    }

    /// Changes that are there already.
    pub(super) fn changes_now(&mut self) -> Result<impl Iterator<Item = Change>> {
        look(&mut self.poll, &mut self.events)?;
        Ok(changes(&self.events))
    }
}

fn look(poll: &mut Poll, events: &mut Events) -> Result<()> {
    match poll.poll(events, Some(Duration::ZERO)) {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        looked => looked,
    }
}

fn changes(events: &Events) -> impl Iterator<Item = Change> {
    events.iter().map(|event| Change {
        index: event.token().0,
        is_readable: event.is_readable() || event.is_read_closed() || event.is_error(),
        ends: event.is_read_closed() || event.is_error(),
    })
}
