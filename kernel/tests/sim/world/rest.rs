//! Rest: when all that is on its way has arrived, registry, shards and devices must agree.

use kernel::registry::Held;
use protocol::http::SessionState;

use super::*;

/// Everything on its way must arrive within so many rounds, or it never will.
const ROUNDS_TO_REST: usize = 2000;

impl World {
    /// All that is on its way arrives, and then registry, shards and devices must agree.
    pub(crate) fn come_to_rest(&mut self) {
        self.say("rest");
        self.resting = true;
        let mut rounds = 0;
        while self.carry_all() {
            rounds += 1;
            if rounds > ROUNDS_TO_REST {
                return self.oracle.blame("it never comes to rest".to_owned());
            }
        }
        self.resting = false;
        for index in 0..self.devices.len() {
            let device = &self.devices[index];
            if let (Phase::Open(_), Some(session)) = (device.phase, device.session) {
                let blames = self.oracle.blames.len();
                self.oracle.has_all(self.latest, session, &device.seen);
                if self.oracle.blames.len() > blames {
                    self.oracle.blame(format!(
                        "device {index} at {}: {:?}",
                        device.position, device.seen.gaps
                    ));
                }
            }
        }
        let mut held: Vec<_> = Vec::new();
        for (place, id) in &self.places {
            let name = &self.nodes[place.node].name;
            held.push((self.sockets[id].fenced.session, name.id.to_string()));
        }
        let known = self.registry.sessions(self.engine_now, None, usize::MAX);
        let live = known.into_iter().filter(|session| session.state == SessionState::Live);
        let mut known: Vec<_> = live.map(|session| (session.id, session.node)).collect();
        held.sort();
        known.sort();
        self.oracle.check(held == known, || format!("sockets: {held:?}\nregistry: {known:?}"));
        let counted: usize = self.nodes.iter().flat_map(|node| &node.shards).map(Shard::len).sum();
        let places = self.places.len();
        self.oracle.check(counted == places, || format!("{counted} sessions, {places} sockets"));
    }

    /// Tells whether there was anything to carry.
    fn carry_all(&mut self) -> bool {
        let mut any = false;
        for node in 0..NODES {
            while self.deliver(node) {
                any = true;
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
                self.nodes[node].shards[shard].handle(self.now, Input::TurnEnd);
                self.obey(node, shard);
            }
        }
        for id in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.sockets.get_mut(&id).expect("found by its id").room = usize::MAX;
            any |= self.socket_ready(id);
        }
        any || !self.calls.is_empty() || !self.answers.is_empty()
    }
    /// Every device that can comes back, and must have all then.
    pub(crate) fn all_come_back(&mut self) {
        self.come_to_rest();
        for device in 0..self.devices.len() {
            if self.devices[device].phase == Phase::Away && self.devices[device].token.is_some() {
                self.connect(device);
            }
        }
        self.come_to_rest();
    }

    /// All sessions end and time passes: nothing may be left.
    pub(crate) fn all_end(&mut self) {
        for id in self.sockets.keys().copied().collect::<Vec<_>>() {
            let socket = self.sockets.get_mut(&id).expect("found by its id");
            socket.gone = true;
            self.devices[socket.device].phase = Phase::Away;
        }
        self.come_to_rest();
        for _ in 0..10 {
            self.engine_now.0 = self.latest.0 + 1_000_000;
            self.latest = self.engine_now;
            self.registry.sweep(self.engine_now, usize::MAX, |_| true);
        }
        let held = self.registry.held();
        self.oracle.check(held == Held::default(), || format!("left over: {held:?}"));
    }
}
