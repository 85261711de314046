//! What devices and the network do.

use std::net::Ipv4Addr;

use kernel::registry::Proof;
use protocol::{
    frame::{FromSession, Received, SendFrame},
    grant::{Meta, Policy, Scope, SendGrant, WhenFull},
    id::{ResumeToken, SessionId},
};

use super::*;

const POLICIES: [Policy; 8] = [
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::SINGLE,
    Policy { max: 1, per: Scope::Device, when_full: WhenFull::Replace },
    Policy { max: 1, per: Scope::Class, when_full: WhenFull::Reject },
    Policy { max: 2, per: Scope::User, when_full: WhenFull::Reject },
];

impl World {
    /// A device does what its phase allows.
    pub(super) fn act(&mut self, device: usize) {
        match self.devices[device].phase {
            Phase::Away if self.dice.chance(5) => self.copy_tab(device),
            Phase::Away if self.dice.chance(60) => self.connect(device),
            Phase::Away => {}
            Phase::Connecting(_) if self.dice.chance(10) => {
                self.devices[device].phase = Phase::Away;
            }
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

    /// Another tab of the same device wakes up with a copy of all that one has.
    fn copy_tab(&mut self, device: usize) {
        let user = self.devices[device].user.clone();
        let others: Vec<_> = (0..self.devices.len())
            .filter(|other| *other != device && self.devices[*other].user == user)
            .collect();
        let from = self.dice.one_of(&others);
        let source = self.devices[from].clone();
        let here = &mut self.devices[device];
        here.token = source.token;
        here.session = source.session;
        here.position = source.position;
        here.seen = source.seen;
    }

    pub(super) fn connect(&mut self, device: usize) {
        let staying: Vec<_> = (0..NODES).filter(|node| !self.nodes[*node].leaving).collect();
        let node = self.dice.one_of(&staying);
        let number = self.next();
        let token = self.devices[device].token;
        let position = self.devices[device].position;
        let proof = match token {
            Some(token) if self.dice.chance(90) => {
                if self.dice.chance(3) {
                    self.lie(device);
                }
                Proof::Resume(token, self.devices[device].position)
            }
            _ => {
                let ticket = self.ticket(device);
                self.devices[device].last_ticket = Some(ticket);
                let after = position != Position::default() && self.dice.chance(20);
                if after && self.dice.chance(10) {
                    self.lie(device);
                }
                Proof::Ticket(ticket, after.then_some(self.devices[device].position))
            }
        };
        let attempt = Attempt {
            proof,
            session: SessionId::new(PARTITION, u128::from(number)),
            token: ResumeToken::new(PARTITION, u128::from(number)),
            node: Arc::clone(&self.nodes[node].name),
            address: Ipv4Addr::LOCALHOST.into(),
            origin: None,
            origin_allowed: false,
        };
        self.devices[device].phase = Phase::Connecting(number);
        let since = self.now;
        let attempt = Box::new(attempt);
        self.calls.push(Call::Admit { since, node, device, number, attempt, again: false });
    }

    /// It tells a position that never was, and so will get what it has seen once more.
    fn lie(&mut self, device: usize) {
        let device = &mut self.devices[device];
        match self.dice.chance(50) {
            true => device.position.seq += 1000,
            false => device.position.epoch += 1000,
        }
        device.seen.lately.clear();
    }

    /// A new ticket, or one that somebody has used or is about to use.
    fn ticket(&mut self, device: usize) -> Ticket {
        let user = self.devices[device].user.clone();
        let known: Vec<_> =
            self.tickets.iter().filter(|(of, _)| *of == user).map(|(_, ticket)| *ticket).collect();
        if !known.is_empty() && self.dice.chance(15) {
            let latest = known.len().saturating_sub(1 + self.dice.below(2));
            return known[latest];
        }
        let ticket = Ticket::new(PARTITION, u128::from(self.next()));
        let max_age = self.dice.chance(5).then_some(Duration::from_secs(300));
        let grant = Grant {
            user: user.clone(),
            device: self.devices[device].id.clone(),
            class: self.devices[device].class.clone(),
            policy: self.dice.one_of(&POLICIES),
            send: SendGrant::Any,
            origin: None,
            max_age,
            meta: Meta::default(),
        };
        self.grants.insert(ticket, grant.clone());
        self.registry.mint(self.engine_now, ticket, grant, Duration::from_secs(30));
        self.tickets.push((user, ticket));
        ticket
    }

    /// The device drops off the network; the server notices later.
    fn go_away(&mut self, device: usize, id: u64) {
        self.say(&format!("device {device} goes away from {id}"));
        self.devices[device].phase = Phase::Away;
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.gone = true;
        }
    }

    fn leave(&mut self, id: u64) {
        let Some(place) = self.speaks_at(id) else { return };
        let input = match self.dice.below(4) {
            0 => Input::Frame(place.slot, Box::new(Ok(received(FromSession::Leave)))),
            1 => Input::Left(place.slot, None),
            2 => Input::Left(place.slot, Some(1000)),
            _ => Input::Left(place.slot, Some(1001)),
        };
        self.handle(place.node, place.shard, input);
    }

    /// Where its next frame goes, if one may.
    fn speaks_at(&self, id: u64) -> Option<Place> {
        let socket = self.sockets.get(&id)?;
        let takes = self.nodes[socket.place.node].shards[socket.place.shard]
            .takes_frames(socket.place.slot);
        (takes && socket.was_welcomed && self.places.contains_key(&socket.place))
            .then_some(socket.place)
    }

    fn speak(&mut self, id: u64) {
        let Some(place) = self.speaks_at(id) else { return };
        let frame = match self.dice.below(5) {
            0 => FromSession::Active,
            1 => FromSession::Ack(self.devices[self.sockets[&id].device].position),
            2 => FromSession::Ping,
            _ => FromSession::Send(Box::new(SendFrame {
                user: UserId::parse(self.dice.one_of(&USERS)).unwrap(),
                data: self.data(),
                to: self.target(None),
                volatile: self.dice.chance(10),
                ttl: None,
                echo: None,
                key: None,
            })),
        };
        let input = Input::Frame(place.slot, Box::new(Ok(received(frame))));
        self.handle(place.node, place.shard, input);
    }

    /// The network moves: sockets stall, take more, or are found to be gone.
    pub(super) fn network(&mut self) {
        if self.sockets.is_empty() {
            return;
        }
        let which = self.dice.below(self.sockets.len());
        let id = *self.sockets.keys().nth(which).expect("below their number");
        let stall = self.dice.chance(20);
        let room = if stall { self.dice.below(400) } else { usize::MAX };
        let socket = self.sockets.get_mut(&id).expect("found by its id");
        socket.room = if socket.room == usize::MAX || !stall { room } else { socket.room + room };
        self.socket_ready(id);
    }

    /// The server writes what it can, the device reads what came; tells whether anything moved.
    pub(super) fn socket_ready(&mut self, id: u64) -> bool {
        let socket = &self.sockets[&id];
        let (place, gone, index) = (socket.place, socket.gone, socket.device);
        let open = self.places.contains_key(&place);
        if gone {
            if open {
                self.places.remove(&place);
                self.handle(place.node, place.shard, Input::Lost(place.slot));
            }
            self.sockets.remove(&id);
            return true;
        }
        if open {
            self.flush(place);
            self.obey(place.node, place.shard);
        }
        let socket = self.sockets.get_mut(&id).expect("still there");
        let device = &mut self.devices[index];
        let mut moved = false;
        while device.read(socket, &mut self.oracle) {
            moved = true;
        }
        let state = socket.state;
        if state != State::Open {
            self.sockets.remove(&id);
            device.closed(state, &mut self.oracle);
            return true;
        }
        if std::mem::take(&mut device.pinged) && self.dice.chance(90) {
            let input = match self.dice.chance(50) {
                true => Input::Pong(place.slot),
                false => Input::Frame(place.slot, Box::new(Ok(received(FromSession::Pong)))),
            };
            self.handle(place.node, place.shard, input);
        }
        moved
    }
}

fn received(frame: FromSession) -> Received {
    Received { reference: Some("c".to_owned()), frame }
}
