//! Place: where an engine keeps what it keeps, as its URL says, and the way there.

use std::{fmt, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use kernel::{message::NodeRef, registry::Terms};

use crate::{
    contract::Engine,
    fleet::{Alone, Fleet},
    mailbox::Mailboxes,
    memory::{Clock, Memory},
    redis::{self, Redis, Shape},
};

pub use crate::redis::{Misread, Refused};

/// What a URL may be, for people.
pub const FORM: &str = "`memory:`, `redis://[user:password@]host:port` or a list of them, \
                        `redis+sentinel://host:port,host:port/name`, \
                        `redis+cluster://host:port,host:port`; `rediss` for TLS";

/// Where an engine keeps what it keeps.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// The memory of the process.
    #[default]
    Memory,
    /// A Redis. A secret, if there is a password in it.
    Redis(Shape),
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// Says what it should be, and nothing of what it is.
    pub fn parse(url: &str) -> Result<Self, Misread> {
        if url == "memory:" {
            return Ok(Self::Memory);
        }
        Shape::parse(url).map(Self::Redis)
    }

    /// Its URLs, without what is secret.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        match self {
            Self::Memory => vec![self.to_string()],
            Self::Redis(shape) => shape.urls(),
        }
    }

    /// Whether other nodes may share it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Redis(_))
    }
}

impl fmt::Display for Place {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Redis(shape) => write!(f, "{shape}"),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a node tells an engine of itself.
pub struct Setup {
    /// Where the engine is.
    pub place: Place,
    /// Who signed the certificates of its servers, if the roots of the web did not.
    pub ca_file: Option<PathBuf>,
    /// What its keys begin with.
    pub prefix: String,
    /// After what time without a sign of this node its sessions count as parked.
    pub lease: Duration,
    /// The node, in this one of its lives.
    pub me: Arc<NodeRef>,
    /// Where envelopes are to be put.
    pub mailboxes: Mailboxes,
    /// What the registry keeps.
    pub terms: Terms,
    /// The node's time, for an engine that has none of its own.
    pub clock: Clock,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What goes on beside the steps of an engine, for as long as its node runs.
pub type Tasks = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An engine that was found.
pub struct Opened {
    /// It.
    pub engine: Arc<dyn Engine>,
    /// The others who share it.
    pub fleet: Arc<dyn Fleet>,
    /// To be run by the node.
    pub tasks: Tasks,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Opened {
    /// An engine that one node has to itself.
    pub fn alone(engine: Arc<dyn Engine>) -> Self {
        let fleet = Arc::new(Alone::default());
        Self { engine, fleet, tasks: Box::pin(std::future::pending()) }
    }
}

/// Finds an engine, and looks whether it can be used.
///
/// # Errors
/// Says in one line why not.
pub async fn open(setup: Setup) -> Result<Opened, Refused> {
    let Setup { place, ca_file, prefix, lease, me, mailboxes, terms, clock } = setup;
    match place {
        Place::Memory => Ok(Opened::alone(Arc::new(Memory::new(terms, mailboxes, clock)))),
        Place::Redis(shape) => {
            let options = redis::Options { ca_file, prefix, lease, ..redis::Options::new(shape) };
            let (engine, tasks) = Redis::connect(&options, mailboxes, me, terms).await?;
            let fleet: Arc<dyn Fleet> = Arc::clone(&engine) as _;
            Ok(Opened { engine, fleet, tasks: Box::pin(tasks.run()) })
        }
    }
}

#[cfg(test)]
mod tests;
