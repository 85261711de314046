//! Engine: what it does with calls: one registry, and mail to the nodes.

use std::time::Duration;

use kernel::{
    moment::Moment,
    registry::{Proof, Reader, Swept},
};
use protocol::{limit::HOLD_MARGIN, name::UserId};

use super::{
    World,
    carrying::{Answer, Call, Connect, Late},
};
use crate::{fault::Fault, socket::Place, told::Case};

/// About so many bytes are read at once.
const PAGE_BYTES: usize = 1500;

impl World {
    pub(super) fn call(&mut self, call: Late<Call>) {
        let (now, since) = (self.clock.engine, call.since);
        match call.what {
            Call::Admit(connect) => self.admit(connect),
            Call::Hold(connect, wait) => self.hold(connect, wait),
            Call::Withdraw(connect) => self.withdraw(&connect),
            Call::Read { place, reader } => self.read(since, place, &reader),
            Call::Park(_, parting) => {
                let (parked, mail) = self.registry.park(now, parting.fenced);
                self.say(format_args!("park {:?} {parked}", parting.fenced));
                self.oracle.parked(parting.fenced, parked);
                self.post(mail);
                self.user_agrees(&parting.user);
            }
            Call::Release(_, parting) => {
                let code = parting.end_code();
                let (mut ended, mail) = self.registry.release(now, parting.fenced, code);
                self.say(format_args!("release {:?} {ended:?}", parting.fenced));
                if let Some(ended) = &mut ended {
                    ended.last &= self.fault != Some(Fault::OfflineForgotten);
                }
                self.oracle.released(parting.fenced, code, ended.as_ref());
                self.post(mail);
                self.user_agrees(&parting.user);
            }
            Call::Touch(_, fenced, touch) => {
                let mail = self.registry.touch(now, fenced, touch);
                self.oracle.touched(fenced, touch);
                self.post(mail);
                let user = self.oracle.facts[&fenced.session].user.clone();
                self.user_agrees(&user);
            }
            Call::Send { place, forward } => self.send(since, place, forward),
            Call::Copy { place, reference, id, sender, draft } => {
                self.copy(since, place, reference, id, &sender, *draft);
            }
        }
    }

    fn hold(&mut self, connect: Connect, wait: Duration) {
        if let Proof::Resume(token, _) = connect.attempt.proof {
            let keep = wait + HOLD_MARGIN;
            if self.fault != Some(Fault::HeldResumeExpires) {
                self.registry.hold(self.clock.engine, token, keep);
            }
            self.oracle.held(token, keep);
            let user = self.devices[connect.device].user.clone();
            self.user_agrees(&user);
        }
        self.say(format_args!("device {} may come in {wait:?}", connect.device));
        self.answers(connect.since, Answer::Later(connect, wait));
    }

    fn read(&mut self, since: Moment, place: Place, reader: &Reader) {
        let messages = 1 + self.dice.below(20);
        if !self.resting && self.dice.chance(1) {
            self.oracle.count(Case::ReadFailed);
            return self.answers(since, Answer::Read { place, page: None });
        }
        let now = self.spoiled_now();
        let page = self.registry.read(now, reader, messages, PAGE_BYTES);
        let page = self.spoiled_stranger(reader, page);
        self.say(format_args!("{reader:?}: {page:?}"));
        self.oracle.reads(reader, (messages, PAGE_BYTES), page.as_ref());
        // Whoever lost its place is not answered: that is on its way.
        if let Some(page) = page {
            let page = Some(self.spoiled_page(page));
            self.answers(since, Answer::Read { place, page });
        }
    }

    /// An attempt that its node has given up is taken back, perhaps before it comes.
    fn withdraw(&mut self, connect: &Connect) {
        let (withdrawn, mail) = self.registry.withdraw(self.clock.engine, &connect.attempt);
        self.say(format_args!("withdraw {:?}: {withdrawn:?}", connect.attempt.session));
        self.oracle.withdraws(&connect.attempt, &withdrawn);
        self.post(mail);
        let user = self.devices[connect.device].user.clone();
        self.user_agrees(&user);
    }

    pub(super) fn sweep(&mut self) {
        let most = 1 + self.dice.below(20);
        let some = self.some_user();
        let held_back = self.dice.chance(20).then_some(some);
        self.oracle.count_if(Case::SweepHeldBack, held_back.is_some());
        self.sweep_most(most, held_back.as_ref());
    }

    pub(super) fn sweep_most(&mut self, most: usize, held_back: Option<&UserId>) {
        let may_be_told = |user: &UserId| held_back != Some(user);
        let Swept { ended, mail } = self.registry.sweep(self.clock.engine, most, may_be_told);
        self.say(format_args!("swept {ended:?}"));
        self.oracle.swept(&ended, most, held_back);
        self.post(mail);
    }
}
