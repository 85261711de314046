//! Opening: a node takes in a session that was admitted; its device may have gone away meanwhile.

use std::collections::VecDeque;

use kernel::{
    registry::Admitted,
    shard::{Arrival, Parting},
};
use protocol::partition::slice_of;

use super::{
    SHARDS, World,
    carrying::{Call, Connect},
};
use crate::{
    device::{Kind, Phase},
    oracle::Promise,
    socket::{Comeback, Gone, Pace, Place, Socket, State},
    told::Case,
};

impl World {
    pub(super) fn open(&mut self, connect: &Connect, mut admitted: Admitted) {
        let (node, device) = (connect.node, connect.device);
        let (fenced, user) = (admitted.fenced, admitted.user.clone());
        self.say(format_args!("n{node} opens {fenced:?} of {user} for device {device}"));
        let waits = self.devices[device].phase == Phase::Connecting(connect.number);
        if !waits && self.dice.chance(30) {
            return self.never_welcomed(connect, &admitted);
        }
        self.oracle.count_if(Case::AnsweredAfterGone, !waits);
        self.spoils_admitted(&mut admitted);
        let shard = slice_of(&user, SHARDS);
        let speaks_usher = self.devices[device].kind == Kind::Sdk;
        let comeback = if admitted.resumed { Comeback::Yes } else { Comeback::No };
        let arrival = Arrival { admitted, speaks_usher, urls: Vec::new() };
        self.inputs += 1;
        let slot = self.nodes[node].shards[shard].open(self.clock.now, arrival);
        let place = Place { node, life: connect.life, shard, slot };
        let id = self.next();
        let room = if self.dice.chance(20) { self.dice.below(600) } else { usize::MAX };
        let now = self.this_input();
        let socket = Socket {
            device,
            place,
            fenced,
            room,
            wire: Vec::new(),
            said: VecDeque::new(),
            state: State::Open,
            gone: (!waits).then_some(Gone::Told),
            speaks_usher,
            comeback,
            active_told: None,
            sends: 0,
            was_welcomed: false,
            opened_at: None,
            over_at: None,
            faults: 0,
            opened: now,
            heard: now,
            probed: None,
            pace: Pace::Steady,
            fleeting: Vec::new(),
            owed: Vec::new(),
        };
        self.sockets.insert(id, socket);
        self.places.insert(place, id);
        if waits {
            self.devices[device].phase = Phase::Open(id);
        }
        self.obey(node, shard);
        let heard = self.nodes[node].heard_ends.get(&fenced.session);
        if heard.is_some_and(|heard| *heard >= fenced.fence) {
            self.oracle.count(Case::EndedBeforeOpened);
            let open = self.places.contains_key(&place);
            let silent = self.sockets.get(&id).is_none_or(|socket| socket.wire.is_empty());
            self.oracle.check(Promise::Void, !open && silent, || {
                format!("n{node} had heard that {fenced:?} is over, and serves it")
            });
        }
    }

    /// The socket was gone before the session came to a shard.
    fn never_welcomed(&mut self, connect: &Connect, admitted: &Admitted) {
        let node = connect.attempt.node.clone();
        let parting = Parting { fenced: admitted.fenced, user: admitted.user.clone(), code: 1006 };
        match admitted.resumed {
            true => self.calls(Call::Park(node, parting)),
            false => self.calls(Call::Release(node, parting)),
        }
    }
}
