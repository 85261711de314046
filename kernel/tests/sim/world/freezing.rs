//! Freezing: nodes that are without their lease for a while, as all are while the engine stands still.
//! Nobody else takes their sessions here; that a dead node's are taken is in `restarts`.

use kernel::{moment::Moment, shard::Input};

use super::{
    NODES, PARTITION, SHARDS, World,
    checks::DRAIN_MARGIN,
    node::{GRACE, GRACE_WINDOW},
};
use crate::{fault::Fault, oracle::Promise, told::Case};

impl World {
    /// A node loses its lease, or has it again.
    pub(super) fn freeze_or_thaw(&mut self) {
        let node = self.dice.below(NODES);
        match self.nodes[node].frozen_at {
            None if self.dice.chance(20) => self.freeze(node),
            Some(_) if self.dice.chance(30) => self.thaw(node),
            None | Some(_) => {}
        }
    }

    fn freeze(&mut self, node: usize) {
        self.say(format_args!("n{node} is without its lease"));
        self.oracle.count(Case::Frozen);
        for socket in self.sockets.values_mut().filter(|socket| socket.place.node == node) {
            // Of a message to everyone that is under way it gets no more.
            socket.owed.clear();
            if socket.owes_answer() {
                self.lost_probes.insert(socket.fenced);
            }
        }
        for shard in 0..SHARDS {
            self.handle_next(node, shard, Input::Freeze([PARTITION].into()));
        }
        self.nodes[node].frozen_at = Some(self.clock.now);
    }

    pub(super) fn thaw(&mut self, node: usize) {
        let Some(frozen_at) = self.nodes[node].frozen_at.take() else { return };
        self.say(format_args!("n{node} has its lease again"));
        let told_to_leave = frozen_at.after(GRACE) <= self.clock.now;
        let now = self.this_input();
        for socket in self.sockets.values_mut().filter(|socket| socket.place.node == node) {
            socket.heard = now;
            let stays = told_to_leave && self.places.contains_key(&socket.place);
            self.oracle.count_if(Case::ThawedInTime, stays);
        }
        for shard in 0..SHARDS {
            self.handle_next(node, shard, Input::Thaw(PARTITION));
            if told_to_leave && self.fault == Some(Fault::GraceIsADrain) {
                self.handle(node, shard, Input::Drain(GRACE_WINDOW));
            }
        }
    }

    /// Whether nothing is read of a node's sockets.
    pub(super) fn is_frozen(&self, node: usize) -> bool {
        self.nodes[node].frozen_at.is_some()
    }

    /// Whether a node has been without its lease for so long that others may do better.
    pub(super) fn is_grace_over(&self, node: usize) -> bool {
        let over = |at: Moment| at.after(GRACE) <= self.clock.now;
        self.nodes[node].frozen_at.is_some_and(over)
    }

    /// A node that should send its sessions away gives them another grace, and another.
    pub(super) fn spoils_graces(&mut self) {
        if self.fault != Some(Fault::GraceNeverEnds) {
            return;
        }
        for node in
            (0..NODES).filter(|node| self.nodes[*node].frozen_at.is_some()).collect::<Vec<_>>()
        {
            for shard in 0..SHARDS {
                self.handle(node, shard, Input::Thaw(PARTITION));
                self.handle(node, shard, Input::Freeze([PARTITION].into()));
            }
        }
    }

    /// After a look: nobody waits for ever at a node that is without its lease.
    pub(super) fn graces_end(&mut self) {
        for socket in self.sockets.values() {
            let node = &self.nodes[socket.place.node];
            let Some(frozen_at) = node.frozen_at else { continue };
            let since = frozen_at.max(socket.opened.at);
            let until = since.after(GRACE).after(GRACE_WINDOW);
            // Who drains says itself when they are to leave.
            let until = until.max(node.leaving_until.unwrap_or_default()).after(DRAIN_MARGIN);
            let waits = self.places.contains_key(&socket.place) && until < self.clock.now;
            self.oracle.check(Promise::Drained, !waits, || {
                format!("{:?} still waits at {}, which has no lease", socket.fenced, node.name)
            });
        }
    }
}
