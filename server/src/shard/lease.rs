//! Lease: whether a thread may still act for its sessions.
//!
//! It looks before it takes in a frame, before it writes, and before time or an envelope makes it do
//! either. So a process that stood still finds its sessions frozen before it acts on the first byte.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc};

use engine::tenure::{Tenure, Term};
use kernel::shard::{Input, Slot};
use protocol::partition::{PARTITIONS, Partition};

use super::Local;

/// What a thread knows of the node's leases.
#[derive(Debug)]
pub(super) struct Lease {
    /// None where nobody else could have the sessions.
    tenure: Option<Arc<Tenure>>,
    /// The terms that it knows of. What it has of an earlier one is frozen.
    known: RefCell<Box<[Term]>>,
}

impl Lease {
    pub(super) fn new(tenure: Option<Arc<Tenure>>) -> Self {
        Self { tenure, known: RefCell::new(vec![Term::default(); PARTITIONS].into()) }
    }

    /// Whether all is as it was in a partition; if not, notes the present term.
    fn stands(&self, partition: Partition, term: Option<Term>) -> bool {
        let known = &mut self.known.borrow_mut()[usize::from(partition.0)];
        term.is_some_and(|term| std::mem::replace(known, term) == term)
    }
}

impl Local {
    /// Freezes the sessions of a partition whose lease is lost, or was since the last look.
    pub(super) fn mind(&self, partition: impl FnOnce() -> Partition) {
        let Some(tenure) = &self.lease.tenure else { return };
        let partition = partition();
        if !self.lease.stands(partition, tenure.look(partition)) {
            self.freeze([partition].into());
        }
    }

    /// The same for the partition of a session.
    pub(super) fn mind_slot(&self, slot: Slot) {
        if self.lease.tenure.is_none() {
            return;
        }
        let partition = self.kernel.borrow().partition(slot);
        if let Some(partition) = partition {
            self.mind(|| partition);
        }
    }

    /// The same for all partitions.
    pub(super) fn mind_all(&self) {
        let Some(tenure) = &self.lease.tenure else { return };
        let now = tenure.now();
        let lost =
            |partition: &Partition| !self.lease.stands(*partition, tenure.look_at(*partition, now));
        let lost: BTreeSet<Partition> = Partition::all().filter(lost).collect();
        if !lost.is_empty() {
            self.freeze(lost);
        }
    }

    fn freeze(&self, lost: BTreeSet<Partition>) {
        self.kernel.borrow_mut().handle(self.now(), Input::Freeze(lost));
    }

    /// All that happened to the sessions of a partition before `term` was told.
    pub(super) fn thaw(self: &Rc<Self>, partition: Partition, term: Term) {
        self.mind(|| partition);
        let present = self.lease.tenure.as_ref().and_then(|tenure| tenure.look(partition));
        // Of a term that is over it is too late to hear.
        if present == Some(term) {
            self.give(Input::Thaw(partition));
        }
    }

    /// Whether a session is frozen, as far as is known.
    pub(super) fn is_frozen(&self, slot: Slot) -> bool {
        let kernel = self.kernel.borrow();
        self.lease.tenure.is_some()
            && kernel.partition(slot).is_some_and(|partition| kernel.is_frozen(partition))
    }

    /// Whether what is to be written to a session now may be. What is said to a frozen one is no
    /// message, and is said all the same.
    pub(super) fn is_held(&self, slot: Slot) -> bool {
        let Some(tenure) = &self.lease.tenure else { return true };
        let kernel = self.kernel.borrow();
        kernel.partition(slot).is_none_or(|partition| {
            let known = self.lease.known.borrow()[usize::from(partition.0)];
            kernel.is_frozen(partition) || tenure.look(partition) == Some(known)
        })
    }
}
