//! Step: one thing happens, chosen by the dice.

use super::{NODES, SHARDS, World, carrying::Answer};
use crate::device::Phase;

impl World {
    /// One thing happens, and every promise is held against what came of it.
    pub(crate) fn step(&mut self) {
        match self.dice.below(203) {
            0..80 => {
                for _ in 0..3 {
                    self.carry();
                }
            }
            80..136 => {
                let device = self.dice.below(self.devices.len());
                self.act(device);
            }
            136..160 => self.backend_sends(),
            160..163 => self.backend_repeats(),
            163..165 => self.backend_sends_many(),
            165..167 => self.backend_sends_everyone(),
            167 | 168 => self.backend_ends(),
            169 => self.backend_blocks(),
            170..184 => self.network(),
            184..194 => {
                let time = self.dice.ms(0, 800);
                self.pass(time);
            }
            194 => self.long_pass(),
            195 | 196 => self.sweep(),
            197 => self.drain(),
            198 => self.node_dies(),
            199..202 => self.freeze_or_thaw(),
            _ => self.race(),
        }
        self.restart_empty_nodes();
        self.all_is_as_promised();
    }

    /// A device does what its phase allows.
    fn act(&mut self, device: usize) {
        match self.devices[device].phase {
            Phase::Away => self.come_back(device),
            Phase::Connecting(_) if self.dice.chance(10) => self.devices[device].is_away(),
            Phase::Connecting(_) => {}
            Phase::Open(id) => match self.dice.below(20) {
                0 => self.go_away(device, id),
                1 if self.dice.chance(30) => self.leave(id),
                2..8 => self.speak(id),
                _ => {
                    self.socket_ready(id);
                }
            },
        }
    }

    /// One thing that is on its way arrives.
    pub(super) fn carry(&mut self) {
        let node = self.dice.below(NODES);
        match self.dice.below(8) {
            0..3 => {
                self.deliver(node);
            }
            3 => {
                let shard = self.dice.below(SHARDS);
                self.deliver_to_everyone(node, shard);
            }
            4 | 5 if !self.calls.is_empty() => {
                let call = self.dice.below(self.calls.len());
                let call = self.calls.swap_remove(call);
                self.call(call);
            }
            _ if !self.answers.is_empty() => {
                let place = self.dice.below(self.answers.len());
                // A session's socket takes its time, so that others overtake it.
                let is_slow = matches!(self.answers[place].what, Answer::Admit(..));
                if !is_slow || self.dice.chance(40) {
                    let answer = self.answers.swap_remove(place);
                    self.answer(answer);
                }
            }
            _ => {}
        }
    }
}
