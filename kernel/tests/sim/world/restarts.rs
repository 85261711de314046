//! Restarts: nodes that drain and come again, and nodes that die without a word.
//!
//! What a dead node's sessions are parked by is its lease, of which the kernel knows nothing yet: an
//! engine of many nodes will find out. Here the world does it when the time is over.

use std::{sync::Arc, time::Duration};

use kernel::shard::{Input, Shard};
use protocol::limit::DRAIN_WINDOW;

use super::{NODES, SHARDS, World, node::Node};
use crate::{oracle::Whereabouts, socket::State, told::Case};

/// How long a node that says nothing counts as there.
const LEASE: Duration = Duration::from_secs(5);

impl World {
    pub(super) fn drain(&mut self) {
        let node = self.dice.below(NODES);
        if self.nodes.iter().any(|node| node.is_leaving()) || !self.dice.chance(20) {
            return;
        }
        self.say(format_args!("n{node} drains"));
        self.nodes[node].leaving_until = Some(self.clock.now.after(DRAIN_WINDOW));
        for shard in 0..SHARDS {
            self.handle_next(node, shard, Input::Drain(DRAIN_WINDOW));
        }
    }

    /// A node that has let go of all its sessions comes again.
    pub(super) fn restart_empty_nodes(&mut self) {
        for index in 0..NODES {
            let node = &self.nodes[index];
            let life = node.life();
            let awaited = self.newcomers.iter().any(|newcomer| newcomer.connect.node == index)
                || self.calls.iter().any(|call| call.what.is_of(index, &node.name))
                || self.answers.iter().any(|answer| answer.what.to() == (index, life));
            let empty = node.shards.iter().all(Shard::is_empty);
            if node.is_leaving() && empty && !awaited {
                self.oracle.count(Case::NodeDrained);
                self.nodes[index] = Node::new(index, life + 1, self.clock.now);
            }
        }
    }

    /// All that a node had is gone; what it has just asked of the engine may have arrived.
    pub(super) fn node_dies(&mut self) {
        if !self.dice.chance(15) {
            return;
        }
        let index = self.dice.below(NODES);
        let name = Arc::clone(&self.nodes[index].name);
        self.say(format_args!("{name} dies"));
        self.oracle.count(Case::NodeDied);
        while let Some(place) = self.calls.iter().position(|call| call.what.is_of(index, &name)) {
            let call = self.calls.swap_remove(place);
            if self.dice.chance(50) {
                self.call(call);
            }
        }
        self.newcomers.retain(|newcomer| newcomer.connect.node != index);
        for socket in self.sockets.values_mut() {
            if self.places.contains_key(&socket.place) && socket.place.node == index {
                self.places.remove(&socket.place);
                socket.state = State::Cut;
            }
        }
        let places = &self.places;
        self.sockets.retain(|_, s| s.gone.is_none() || places.contains_key(&s.place));
        self.leases.push((name, self.clock.now.after(LEASE)));
        let generation = self.nodes[index].life() + 1;
        self.nodes[index] = Node::new(index, generation, self.clock.now);
    }

    /// Whose node's lease is over is parked.
    pub(super) fn end_leases(&mut self) {
        let now = self.clock.now;
        let over = |(_, until): &mut (_, _)| *until <= now;
        for (dead, _) in self.leases.extract_if(.., over).collect::<Vec<_>>() {
            let there =
                |stay: &&crate::oracle::Stay| stay.whereabouts == Whereabouts::Live(dead.clone());
            let of_it: Vec<_> = self.oracle.stays().filter(there).cloned().collect();
            for stay in of_it {
                self.oracle.count(Case::LeaseOver);
                let (parked, mail) = self.registry.park(self.clock.engine, stay.fenced());
                self.oracle.parked(stay.fenced(), parked);
                self.post(mail);
                self.user_agrees(&stay.facts.user);
            }
        }
    }
}
