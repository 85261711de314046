//! Atlas: which server keeps which partition.

use std::sync::Arc;

use protocol::partition::Partition;

use super::{
    host::Host,
    link::Link,
    options::{Options, Refused},
};

/// Where all partitions are.
pub(super) struct Atlas {
    host: Arc<Host>,
}

impl Atlas {
    pub(super) fn new(options: &Options) -> Result<Self, Refused> {
        Ok(Self { host: Arc::new(Host::new(Link::new(options)?)) })
    }

    /// All servers.
    pub(super) fn hosts(&self) -> Vec<Arc<Host>> {
        vec![Arc::clone(&self.host)]
    }

    /// The server that keeps a partition.
    pub(super) fn host(&self, _: Partition) -> Option<Arc<Host>> {
        Some(Arc::clone(&self.host))
    }

    /// The partitions that a server keeps.
    pub(super) fn of(&self, host: &Arc<Host>) -> Vec<Partition> {
        Partition::all()
            .filter(|one| self.host(*one).is_some_and(|at| Arc::ptr_eq(&at, host)))
            .collect()
    }
}
