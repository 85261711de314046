//! Rest: when all that is on its way has arrived, registry, shards and devices must agree.

use std::time::Duration;

use kernel::registry::Held;

use super::{NODES, SHARDS, World};
use crate::{device::Phase, oracle::Promise, socket::Gone};

/// Everything on its way must arrive within so many rounds, or it never will.
const ROUNDS_TO_REST: usize = 2000;

/// Seconds after which whoever is gone without a word was found out.
const FOUND_OUT: usize = 42;

impl World {
    /// All that is on its way arrives, and then registry, shards and devices must agree.
    pub(crate) fn come_to_rest(&mut self) {
        self.say(format_args!("rest"));
        self.resting = true;
        (0..NODES).for_each(|node| self.thaw(node));
        self.all_arrives();
        self.pass_parts(FOUND_OUT, 100);
        self.all_arrives();
        // The clock was set back, perhaps; from its latest on all agree on what is over.
        self.clock.engine = self.clock.latest;
        self.oracle.clock = self.clock;
        self.sweep_most(usize::MAX, None);
        self.all_arrives();
        self.all_agree();
        self.all_have_all();
        self.registry_and_sockets_agree();
        self.shards_remember_nothing();
        let held = self.registry.held();
        self.oracle.holds(&held);
        self.resting = false;
    }

    fn all_arrives(&mut self) {
        let mut rounds = 0;
        while self.carry_all() {
            rounds += 1;
            if rounds > ROUNDS_TO_REST {
                let what = "it never comes to rest".to_owned();
                return self.oracle.blame(Promise::Agree, what);
            }
        }
        self.all_is_as_promised();
    }

    /// Tells whether there was anything to carry.
    fn carry_all(&mut self) -> bool {
        let mut any = false;
        for node in 0..NODES {
            while self.deliver(node) {
                any = true;
            }
            for shard in 0..SHARDS {
                while self.deliver_to_everyone(node, shard) {
                    any = true;
                }
            }
        }
        for call in std::mem::take(&mut self.calls) {
            any = true;
            self.call(call);
        }
        for answer in std::mem::take(&mut self.answers) {
            any = true;
            self.answer(answer);
        }
        for node in 0..NODES {
            for shard in 0..SHARDS {
                self.end_turn(node, shard);
            }
        }
        for id in self.sockets.keys().copied().collect::<Vec<_>>() {
            let Some(socket) = self.sockets.get_mut(&id) else { continue };
            if socket.gone != Some(Gone::Silently) {
                socket.room = usize::MAX;
            }
            any |= self.socket_ready(id);
            any |= self.hear(id);
        }
        any || !self.calls.is_empty() || !self.answers.is_empty()
    }

    /// Every device that can comes back, and must have all then.
    pub(crate) fn all_come_back(&mut self) {
        self.come_to_rest();
        self.resting = true;
        for device in 0..self.devices.len() {
            if self.devices[device].phase == Phase::Away && self.devices[device].token.is_some() {
                self.connect(device);
            }
        }
        self.come_to_rest();
    }

    /// All sessions end and time passes: nothing may be left.
    pub(crate) fn all_end(&mut self) {
        self.resting = true;
        for socket in self.sockets.values_mut() {
            socket.gone = Some(Gone::Told);
        }
        self.devices.iter_mut().for_each(crate::device::Device::is_away);
        self.come_to_rest();
        let long = Duration::from_secs(2000);
        self.clock.pass(long);
        self.oracle.clock = self.clock;
        self.sweep_most(usize::MAX, None);
        self.clock.pass(long);
        self.oracle.clock = self.clock;
        for user in super::USERS {
            let user = protocol::name::UserId::parse(user).unwrap();
            let blocking = kernel::registry::Blocking::Lift;
            let (ended, _) = self.registry.block(self.clock.engine, &user, blocking);
            self.oracle.blocked(&user, blocking, &ended);
        }
        self.sweep_most(usize::MAX, None);
        let held = self.registry.held();
        self.oracle
            .check(Promise::Bounded, held == Held::default(), || format!("left over: {held:?}"));
    }
}
