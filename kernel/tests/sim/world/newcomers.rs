//! Newcomers whose place is taken: they wait until it is known who is there.

use kernel::{
    message::{Fenced, Notice},
    moment::Moment,
};
use protocol::{close::CloseCode, limit::PROBED_WAIT, time::Timestamp};

use super::{
    World,
    carrying::{Answer, Call, Connect, Stage},
};
use crate::{oracle::Promise, told::Case};

/// An attempt that the engine has answered with a question.
#[derive(Debug)]
pub(super) struct Newcomer {
    asked_at: Moment,
    engine_asked_at: Timestamp,
    pub(super) connect: Connect,
    /// Of whom nothing was heard yet.
    silent: Vec<Fenced>,
}

impl World {
    /// The first answer was a question; the second may not be one.
    pub(super) fn wait_for_answers(&mut self, connect: Connect, silent: Vec<Fenced>) {
        self.oracle.count(Case::Asked);
        if connect.stage == Stage::GivenUp {
            return;
        }
        if connect.stage == Stage::Again {
            return self.gives_up(connect);
        }
        let (asked_at, engine_asked_at) = (self.clock.now, self.clock.engine);
        self.newcomers.push(Newcomer { asked_at, engine_asked_at, connect, silent });
    }

    /// A node is told of a session that it had asked after.
    pub(super) fn answered(&mut self, node: usize, fenced: Fenced) {
        for newcomer in self.newcomers.iter_mut().filter(|one| one.connect.node == node) {
            newcomer.silent.retain(|silent| *silent != fenced);
        }
        let done = |newcomer: &mut Newcomer| newcomer.silent.is_empty();
        for newcomer in self.newcomers.extract_if(.., done).collect::<Vec<_>>() {
            let since = self.clock.now;
            self.calls(Call::Admit(Connect { since, stage: Stage::Again, ..newcomer.connect }));
        }
    }

    pub(super) fn give_up_waiting(&mut self) {
        let now = self.clock.now;
        let late = |newcomer: &mut Newcomer| newcomer.asked_at.after(PROBED_WAIT) <= now;
        for newcomer in self.newcomers.extract_if(.., late).collect::<Vec<_>>() {
            self.waits_for_somebody(&newcomer);
            self.gives_up(newcomer.connect);
        }
    }

    /// It gives up for one who has not answered, or whose answer was lost or is on its way.
    fn waits_for_somebody(&mut self, newcomer: &Newcomer) {
        let mail = &self.nodes[newcomer.connect.node].mail;
        let is_on_its_way =
            |fenced: &Fenced| mail.iter().any(|mail| mail.what.notice == Notice::Probed(*fenced));
        let is_silent = |fenced: &&Fenced| {
            let asked_at = newcomer.engine_asked_at;
            !self.oracle.is_void(**fenced) && !self.oracle.answered_since(**fenced, asked_at)
        };
        let is_excused = |fenced: &&Fenced| {
            is_silent(fenced) || is_on_its_way(fenced) || self.lost_probes.contains(*fenced)
        };
        let forgotten: Vec<_> =
            newcomer.silent.iter().filter(|fenced| !is_excused(fenced)).collect();
        self.oracle.check(Promise::Reject, forgotten.is_empty(), || {
            format!("{forgotten:?} were heard of, and n{} is not told", newcomer.connect.node)
        });
    }

    fn gives_up(&mut self, connect: Connect) {
        self.oracle.count(Case::NewcomerGaveUp);
        self.answers(connect.since, Answer::Admit(connect, Err(CloseCode::Overloaded)));
    }
}
