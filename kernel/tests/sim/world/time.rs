//! Time: it passes for all, and what is late by then comes.

use std::time::Duration;

use kernel::{moment::Moment, shard::Input};

use super::{NODES, SHARDS, World, carrying::ANSWER_WAIT};
use crate::{fault::Fault, told::Case};

/// Longer times pass in parts, so that shards look after their sessions in between.
const PART: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn pass(&mut self, time: Duration) {
        let then = self.clock.now.after(time);
        for node in 0..NODES {
            while let Some(late) = self.nodes[node].mail.iter().find(|mail| mail.is_late(then)) {
                let user = late.what.user.clone();
                self.deliver_to(node, &user);
            }
        }
        while let Some(late) = self.calls.iter().position(|call| call.is_late(then)) {
            let call = self.calls.swap_remove(late);
            self.call(call);
        }
        while let Some(late) = self.answers.iter().position(|answer| answer.is_late(then)) {
            let answer = self.answers.swap_remove(late);
            self.answer(answer);
        }
        self.clock.pass(time);
        if !self.resting && self.dice.chance(3) {
            self.oracle.count(Case::ClockBack);
            self.clock.set_back(3000);
        }
        self.oracle.clock = self.clock;
        self.give_up_waiting();
        self.end_leases();
        for node in 0..NODES {
            for shard in 0..SHARDS {
                let wake_at = self.nodes[node].shards[shard].wake_at();
                let is_due = wake_at.is_some_and(|at| at <= self.clock.now);
                if is_due && self.fault != Some(Fault::SilenceUnnoticed) {
                    self.handle(node, shard, Input::Wake);
                }
            }
        }
        self.spoils_graces();
        self.silence_is_noticed();
        self.graces_end();
    }

    /// A minute or two in which nobody does much, but who is there reads and answers.
    pub(super) fn long_pass(&mut self) {
        if self.dice.chance(40) {
            let parts = 10 + self.dice.below(140);
            self.pass_parts(parts, 80);
        }
    }

    /// Some seconds, in each of which so many of a hundred sockets are read.
    pub(super) fn pass_parts(&mut self, seconds: usize, percent: usize) {
        for _ in 0..seconds {
            self.pass(PART);
            if !self.resting {
                self.some_come_back();
                (0..6).for_each(|_| self.carry());
            }
            for id in self.sockets.keys().copied().collect::<Vec<_>>() {
                if self.sockets.contains_key(&id) && self.dice.chance(percent) {
                    self.socket_ready(id);
                    self.hear(id);
                }
            }
            self.all_is_as_promised();
        }
    }
}

impl<T> super::Late<T> {
    /// Whether it comes no later than now: nodes give up what takes longer.
    fn is_late(&self, now: Moment) -> bool {
        self.since.after(ANSWER_WAIT) <= now
    }
}
