//! Blocks: users who are kept out until somebody lifts that.

use std::{ops::Bound, time::Duration};

use protocol::{close::CloseCode, name::UserId, time::Timestamp};

use super::{Ended, Mail, Registry, Which};

/// What is to become of a user's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// Keep the user out, for that long or until it is lifted.
    Set(Option<Duration>),
    /// Let the user in again.
    Lift,
}

/// A user who is kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub user: UserId,
    /// Until when, where that was said.
    pub until: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) until: Option<Timestamp>,
}

impl Block {
    pub(super) fn over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Registry {
    /// Blocks a user and ends the sessions, or lifts a block; the latest word counts.
    pub fn block(
        &mut self,
        now: Timestamp,
        user: &UserId,
        blocking: Blocking,
    ) -> (Vec<Ended>, Vec<Mail>) {
        match blocking {
            Blocking::Set(time) => {
                let until = time.map(|time| now.after(time));
                self.blocks.insert(user.clone(), Block { until });
                self.end(now, user, Which::AllBut(None), CloseCode::Forbidden)
            }
            Blocking::Lift => {
                self.blocks.remove(user);
                (Vec::new(), Vec::new())
            }
        }
    }

    /// Whether a user is kept out.
    #[must_use]
    pub fn is_blocked(&self, now: Timestamp, user: &UserId) -> bool {
        self.blocks.get(user).is_some_and(|block| !block.over(now))
    }

    /// The users after `after` who are kept out, in the order of their names.
    #[must_use]
    pub fn blocks(&self, now: Timestamp, after: Option<&UserId>, most: usize) -> Vec<Blocked> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.blocks
            .range::<UserId, _>((start, Bound::Unbounded))
            .filter(|(_, block)| !block.over(now))
            .map(|(user, block)| Blocked { user: user.clone(), until: block.until })
            .take(most)
            .collect()
    }
}
