//! Sending: HTTP calls, each with a message to one user at random, to any of the nodes.
//!
//! A user gets the next message only when the last has arrived everywhere, so that their order is
//! known. Messages to everyone may go beside them, to see how much those delay the others.

use std::{ops::Range, time::Duration};

use super::{
    crowd,
    deliveries::{Deliveries, Draft},
    dice::Dice,
    event::Event,
    everyone::Everyone,
    flow::{Tally, Work},
    load::Load,
};
use crate::failure::Failure;

/// How often another recipient is looked for, where the last message to one is still under way.
const LOOKS: usize = 8;

/// Which node is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Any, in turn.
    Any,
    /// One that has a session of the recipient.
    Home,
    /// One that has none.
    Elsewhere,
}

/// Messages to users at random, whose sessions have numbers one after another.
#[derive(Debug)]
pub(super) struct Sending {
    paths: Vec<String>,
    /// Sessions of each user.
    devices: usize,
    route: Route,
    deliveries: Deliveries,
    dice: Dice,
    everyone: Option<Everyone>,
    sent: u64,
    /// Of these, how many were accepted by the node that has all sessions of the user.
    stayed: u64,
}

impl Sending {
    /// To so many users with so many sessions each, with `data` of this size.
    pub(super) fn new(users: usize, devices: usize, size: usize, route: Route) -> Self {
        let path = |user| format!("/v1/users/{}/messages", crowd::user(user));
        Self {
            paths: (0..users).map(path).collect(),
            devices,
            route,
            deliveries: Deliveries::new(users * devices, size),
            dice: Dice::new(),
            everyone: None,
            sent: 0,
            stayed: 0,
        }
    }

    /// From now on by this route.
    pub(super) fn go(&mut self, route: Route) {
        self.route = route;
    }

    /// Messages to everyone go beside them.
    pub(super) fn beside(&mut self, everyone: Everyone) {
        self.everyone = Some(everyone);
    }

    /// How many were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many were accepted by the node that has all of the recipient's sessions.
    pub(super) fn stayed(&self) -> u64 {
        self.stayed
    }

    /// The sessions of a user.
    fn sessions(&self, user: usize) -> Range<usize> {
        user * self.devices..(user + 1) * self.devices
    }

    /// A caller to send to these sessions by.
    fn caller(&mut self, load: &Load, sessions: Range<usize>) -> Option<usize> {
        let first = load.home(sessions.start);
        match self.route {
            Route::Any => load.free_caller(),
            Route::Home => load.free_caller_at(first),
            Route::Elsewhere => {
                let mut others = self.dice.round(load.nodes());
                let is_home = |node: &usize| sessions.clone().any(|one| load.home(one) == *node);
                others.find(|node| !is_home(node)).and_then(|node| load.free_caller_at(node))
            }
        }
    }
}

impl Work for Sending {
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure> {
        if let Some(everyone) = &mut self.everyone {
            everyone.act(load)?;
        }
        let looks: [usize; LOOKS] = std::array::from_fn(|_| self.dice.below(self.paths.len()));
        let is_even = |user: &usize| self.sessions(*user).all(|one| self.deliveries.is_even(one));
        let Some(user) = looks.into_iter().find(is_even) else { return Ok(false) };
        let sessions = self.sessions(user);
        let Some(caller) = self.caller(load, sessions.clone()) else { return Ok(false) };
        let called = load.node_of(caller);
        self.sent += 1;
        self.stayed += u64::from(sessions.clone().all(|one| load.home(one) == called));
        let draft = Draft { path: &self.paths[user], front: br#"{"data":"#, due };
        self.deliveries.send(load, caller, sessions, draft)?;
        Ok(true)
    }

    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure> {
        match self.everyone.as_mut().filter(|everyone| everyone.is_meant(&event)) {
            Some(everyone) => everyone.told(event, now),
            None => self.deliveries.told(event, now, tally),
        }
    }

    fn under_way(&self) -> u64 {
        self.deliveries.under_way() + self.everyone.as_ref().map_or(0, Everyone::under_way)
    }

    fn settle(&self) -> Result<(), Failure> {
        self.everyone.as_ref().map_or(Ok(()), Everyone::settle)?;
        self.deliveries.settle()
    }
}
