//! Turns: steps for the same user that were in each other's way go on one after the other.
//!
//! Only within a node, and only after the first try: it saves tries in vain, and proves nothing.

use protocol::{name::UserId, partition::slice_of};
use tokio::sync::{Mutex, MutexGuard};

/// Users with the same rest share a turn.
const SLICES: usize = 1024;

/// A turn for each slice of users.
#[derive(Debug)]
pub(super) struct Turns(Box<[Mutex<()>]>);

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..SLICES).map(|_| Mutex::default()).collect())
    }

    /// Waits until it is this user's turn.
    pub(super) async fn of(&self, user: Option<&UserId>) -> MutexGuard<'_, ()> {
        self.0[user.map_or(0, |user| slice_of(user, SLICES))].lock().await
    }
}
