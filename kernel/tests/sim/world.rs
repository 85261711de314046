//! World: nodes, the registry, and all that is on its way between them.

mod acts;
mod asking;
mod engine;
mod rest;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use kernel::{
    message::{Envelope, Fenced, NodeRef, Notice},
    moment::Moment,
    outbox,
    rate::Rate,
    registry::{Admitted, Attempt, Grant, Reader, Registry, Terms, Touch},
    shard::{Arrival, Forward, Input, Options, Output, Parting, Shard, Slot},
    stream::{self, Page},
};
use protocol::{
    close::CloseCode,
    frame::ReplyOutcome,
    id::Ticket,
    name::{DeviceClass, DeviceId, UserId},
    partition::{Partition, slice_of},
    position::Position,
    time::Timestamp,
};

use self::asking::Newcomer;
use crate::{
    device::{Device, Phase},
    dice::Dice,
    oracle::{Oracle, Seen},
    wire::{self, Place, Socket, State},
};

/// What the world does wrong on purpose, now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Envelopes with a message do not arrive.
    LoseMessage,
    /// Envelopes with an end do not arrive.
    LoseEnd,
    /// Two envelopes of a node change places.
    SwapMail,
    /// The engine does not hear of lost sockets.
    ForgetPark,
    /// A frame is written twice.
    SendTwice,
    /// A page does not tell its gap.
    SkipGap,
    /// A replay leaves one message out.
    ReplayLessOne,
    /// A replay has one message twice.
    ReplayOneTwice,
    /// A ticket opens sessions again and again.
    TicketNotSpent,
    /// A session that was replaced does not hear of it.
    ServeReplaced,
    /// Whoever comes back to a session that has ended is not told why it has.
    ForgetEndCode,
    /// Receipts take parked sessions for live ones.
    CountParkedAsLive,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::LoseMessage,
        Self::LoseEnd,
        Self::SwapMail,
        Self::ForgetPark,
        Self::SendTwice,
        Self::SkipGap,
        Self::ReplayLessOne,
        Self::ReplayOneTwice,
        Self::TicketNotSpent,
        Self::ServeReplaced,
        Self::ForgetEndCode,
        Self::CountParkedAsLive,
    ];
}

const NODES: usize = 2;
const SHARDS: usize = 2;
const USERS: [&str; 4] = ["alice", "bob", "carol", "d{a}ve"];
/// Nodes give up an admission that takes longer; a shard remembers ends for at least so long.
const ADMISSION_WAIT: Duration = Duration::from_secs(9);

#[derive(Debug)]
pub(crate) struct Node {
    name: Arc<NodeRef>,
    shards: Vec<Shard>,
    mail: VecDeque<Envelope>,
    leaving: bool,
}

/// A call on its way to the engine.
#[derive(Debug)]
enum Call {
    Admit {
        since: Moment,
        node: usize,
        device: usize,
        number: u64,
        attempt: Box<Attempt>,
        /// It was answered with a question before.
        again: bool,
    },
    Read {
        place: Place,
        reader: Reader,
    },
    Park(usize, Parting),
    Release(usize, Parting),
    Touch(usize, Fenced, Touch),
    Send {
        place: Place,
        forward: Forward,
    },
}

/// An answer on its way to a node.
#[derive(Debug)]
enum Answer {
    Admit {
        since: Moment,
        node: usize,
        device: usize,
        number: u64,
        answer: Result<Box<Admitted>, CloseCode>,
    },
    Read {
        place: Place,
        page: Option<Page>,
    },
    Send {
        place: Place,
        outcome: ReplyOutcome,
    },
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) oracle: Oracle,
    pub(crate) log: Vec<String>,
    dice: Dice,
    fault: Option<Fault>,
    now: Moment,
    /// The engine's clock runs beside the nodes', and sometimes back.
    engine_now: Timestamp,
    latest: Timestamp,
    registry: Registry,
    nodes: Vec<Node>,
    calls: Vec<Call>,
    answers: Vec<Answer>,
    sockets: BTreeMap<u64, Socket>,
    places: HashMap<Place, u64>,
    devices: Vec<Device>,
    tickets: Vec<(UserId, Ticket)>,
    grants: HashMap<Ticket, Grant>,
    /// Newcomers that wait for the answers to probes.
    newcomers: Vec<Newcomer>,
    next: u64,
    /// Nothing fails while all comes to rest.
    resting: bool,
}

fn options() -> Options {
    Options {
        node: "n".to_owned(),
        urls: Vec::new(),
        outbox: outbox::Bounds { frames: 12, bytes: 2000 },
        outboxes_bytes: 5000,
        frames: Rate { per_second: 100, burst: 200 },
        ping: Duration::from_secs(25),
        pong_wait: Duration::from_secs(10),
        encode: wire::encode,
        control_ping: Bytes::from_static(b"ping\n"),
    }
}

fn node(index: usize, generation: u64, now: Moment) -> Node {
    Node {
        name: Arc::new(NodeRef { id: format!("n{index}").into(), generation }),
        shards: (0..SHARDS).map(|_| Shard::new(options(), now)).collect(),
        mail: VecDeque::new(),
        leaving: false,
    }
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let now = Moment(1_000_000);
        let engine_now = Timestamp(1_790_000_000_000);
        let terms = Terms {
            stream: stream::Bounds { messages: 40, bytes: 5000, ..stream::Bounds::default() },
            session_age: Duration::from_secs(3000),
            ..Terms::default()
        };
        let kinds = [
            (Some("d1"), Some("phone")),
            (Some("d1"), None),
            (Some("d2"), Some("desk")),
            (None, Some("phone")),
        ];
        let devices = USERS.iter().flat_map(|user| {
            kinds.iter().map(|(id, class)| Device {
                user: UserId::parse(user).unwrap(),
                id: id.map(|id| DeviceId::parse(id).unwrap()),
                class: class.map(|class| DeviceClass::parse(class).unwrap()),
                phase: Phase::Away,
                session: None,
                token: None,
                position: Position::default(),
                seen: Seen::default(),
                last_ticket: None,
                pinged: false,
            })
        });
        Self {
            oracle: Oracle::default(),
            log: Vec::new(),
            dice: Dice::new(seed),
            fault,
            now,
            engine_now,
            latest: engine_now,
            registry: Registry::new(terms),
            nodes: (0..NODES).map(|index| node(index, 1, now)).collect(),
            calls: Vec::new(),
            answers: Vec::new(),
            sockets: BTreeMap::new(),
            places: HashMap::new(),
            devices: devices.collect(),
            tickets: Vec::new(),
            grants: HashMap::new(),
            newcomers: Vec::new(),
            next: 0,
            resting: false,
        }
    }

    fn say(&mut self, what: &str) {
        // The last few hundred lines are what one reads.
        if self.log.len() > 4000 {
            self.log.drain(..2000);
        }
        let at = self.now.0 - 1_000_000;
        self.log.push(format!("{at:>7} {what}"));
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        match self.dice.below(100) {
            0..40 => {
                for _ in 0..3 {
                    self.carry();
                }
            }
            40..68 => {
                let device = self.dice.below(self.devices.len());
                self.act(device);
            }
            68..82 => self.backend_sends(),
            82 => self.backend_ends(),
            83..90 => self.network(),
            90..97 => {
                let ms = self.dice.next() % 800;
                self.pass(ms);
            }
            97 => {
                let ms = 10_000 + self.dice.next() % 140_000;
                if self.dice.chance(30) {
                    self.pass(ms);
                }
            }
            98 => self.sweep(),
            _ => self.drain(),
        }
        self.restart_empty_nodes();
    }

    /// One thing that is on its way arrives.
    fn carry(&mut self) {
        let node = self.dice.below(NODES);
        match self.dice.below(3) {
            0 => {
                self.deliver(node);
            }
            1 if !self.calls.is_empty() => {
                let call = self.dice.below(self.calls.len());
                let call = self.calls.swap_remove(call);
                self.call(call);
            }
            _ if !self.answers.is_empty() => {
                let answer = self.dice.below(self.answers.len());
                let answer = self.answers.swap_remove(answer);
                self.answer(answer);
            }
            _ => {}
        }
    }

    fn deliver(&mut self, node: usize) -> bool {
        let mail = &mut self.nodes[node].mail;
        if self.fault == Some(Fault::SwapMail) && mail.len() > 1 && self.dice.chance(30) {
            mail.swap(0, 1);
        }
        let Some(envelope) = mail.pop_front() else { return false };
        let lost = match &envelope.notice {
            Notice::Message(_) => self.fault == Some(Fault::LoseMessage),
            Notice::End { end, .. } => match self.fault {
                Some(Fault::LoseEnd) => true,
                Some(Fault::ServeReplaced) => end.code == CloseCode::Replaced,
                _ => false,
            },
            // These may be lost at any time: who asks does not wait for ever.
            Notice::Probe(_) | Notice::Probed(_) => !self.resting,
        };
        if lost && self.dice.chance(20) {
            return true;
        }
        self.say(&format!("n{node} hears {envelope:?}"));
        let ended = match &envelope.notice {
            Notice::End { sessions, .. } => sessions.clone(),
            Notice::Message(_) | Notice::Probe(_) | Notice::Probed(_) => Vec::new(),
        };
        let shard = slice_of(&envelope.user, SHARDS);
        self.handle(node, shard, Input::Deliver(envelope));
        for fenced in ended {
            let stays = self.sockets.values().find(|socket| {
                socket.fenced.session == fenced.session
                    && socket.fenced.fence <= fenced.fence
                    && socket.place.node == node
                    && self.places.contains_key(&socket.place)
            });
            let stays = stays.map(|socket| socket.fenced);
            self.oracle.check(stays.is_none(), || format!("{stays:?} is served after its end"));
        }
        true
    }

    fn handle(&mut self, node: usize, shard: usize, input: Input) {
        self.nodes[node].shards[shard].handle(self.now, input);
        self.obey(node, shard);
        if self.dice.chance(60) {
            self.nodes[node].shards[shard].handle(self.now, Input::TurnEnd);
            self.obey(node, shard);
        }
    }

    /// Does what the shard says.
    fn obey(&mut self, node: usize, shard: usize) {
        let life = self.nodes[node].name.generation;
        while let Some(output) = self.nodes[node].shards[shard].poll() {
            let place = |slot: Slot| Place { node, life, shard, slot };
            match output {
                Output::Send(slot, frame) => self.write(place(slot), &frame),
                Output::Flush(slot) => self.flush(place(slot)),
                Output::Close(slot, closing) => {
                    let place = place(slot);
                    let Some(id) = self.places.remove(&place) else { continue };
                    let socket = self.sockets.get_mut(&id).expect("places are of sockets");
                    let outbox = closing.outbox.unwrap_or_default();
                    let bytes = outbox.slices().collect::<Vec<_>>().concat();
                    let took = socket.take(&bytes);
                    self.oracle.told.slow += usize::from(closing.code == 4001);
                    socket.state = match took == bytes.len() {
                        true => State::Closed(closing.code),
                        false => State::Cut,
                    };
                    self.say(&format!("closed {} {}", id, closing.code));
                }
                Output::Read(slot, reader) => {
                    self.calls.push(Call::Read { place: place(slot), reader });
                }
                Output::Forward(slot, forward) => {
                    self.calls.push(Call::Send { place: place(slot), forward });
                }
                Output::Touch(fenced, touch) => self.calls.push(Call::Touch(node, fenced, touch)),
                Output::Park(parting) => {
                    if self.fault != Some(Fault::ForgetPark) || !self.dice.chance(20) {
                        self.calls.push(Call::Park(node, parting));
                    }
                }
                Output::Release(parting) => self.calls.push(Call::Release(node, parting)),
                Output::Probed(fenced) => self.answered(node, fenced),
                Output::Opened(..) => {}
            }
        }
    }

    fn write(&mut self, place: Place, frame: &Bytes) {
        let Some(id) = self.places.get(&place).copied() else {
            self.oracle.blame(format!("{place:?} is written to after its end"));
            return;
        };
        let socket = self.sockets.get_mut(&id).expect("places are of sockets");
        let took = socket.take(frame);
        if self.fault == Some(Fault::SendTwice) && self.dice.chance(1) && took == frame.len() {
            socket.take(frame);
        }
        if took == frame.len() {
            return;
        }
        let rest = frame.slice(took..);
        let shard = &mut self.nodes[place.node].shards[place.shard];
        shard.handle(self.now, Input::Stalled(place.slot, rest));
    }

    fn flush(&mut self, place: Place) {
        let shard = &mut self.nodes[place.node].shards[place.shard];
        let Some(outbox) = shard.outbox(place.slot) else { return };
        let id = self.places[&place];
        let bytes = outbox.slices().collect::<Vec<_>>().concat();
        let took = self.sockets.get_mut(&id).expect("places are of sockets").take(&bytes);
        shard.handle(self.now, Input::Took(place.slot, took));
    }

    fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Admit { node, device, number, answer: Ok(admitted), .. } => {
                self.open(node, device, number, *admitted);
            }
            Answer::Admit { device, number, answer: Err(code), .. } => {
                self.say(&format!("device {device} is refused {code}"));
                self.oracle.told.refused += 1;
                if self.devices[device].phase == Phase::Connecting(number) {
                    self.devices[device].closed(State::Closed(code.number()), &mut self.oracle);
                }
            }
            Answer::Read { place, page } => {
                self.handle(place.node, place.shard, Input::Read(place.slot, page));
            }
            Answer::Send { place, outcome } => {
                let input = Input::Replied(place.slot, Some("c".to_owned()), outcome);
                self.handle(place.node, place.shard, input);
            }
        }
    }

    /// A node takes in a session; the device may have gone away meanwhile.
    fn open(&mut self, node: usize, device: usize, number: u64, admitted: Admitted) {
        let (fenced, user) = (admitted.fenced, admitted.user.clone());
        self.say(&format!("n{node} opens {fenced:?} of {user} for device {device}"));
        let shard = slice_of(&user, SHARDS);
        let arrival = Arrival { admitted, speaks_usher: self.dice.chance(70) };
        let slot = self.nodes[node].shards[shard].open(self.now, arrival);
        let life = self.nodes[node].name.generation;
        let place = Place { node, life, shard, slot };
        let id = self.next();
        let waits = self.devices[device].phase == Phase::Connecting(number);
        let room = if self.dice.chance(20) { self.dice.below(600) } else { usize::MAX };
        let socket = Socket {
            device,
            place,
            fenced,
            room,
            wire: Vec::new(),
            state: State::Open,
            gone: !waits,
            was_welcomed: false,
        };
        self.sockets.insert(id, socket);
        self.places.insert(place, id);
        if waits {
            self.devices[device].phase = Phase::Open(id);
            self.devices[device].pinged = false;
        }
        self.obey(node, shard);
    }

    /// Time passes for all.
    fn pass(&mut self, ms: u64) {
        let then = self.now.after(Duration::from_millis(ms));
        let is_late = |since: &Moment| since.after(ADMISSION_WAIT) <= then;
        let late = |call: &Call| matches!(call, Call::Admit { since, .. } if is_late(since));
        while let Some(late) = self.calls.iter().position(late) {
            let call = self.calls.swap_remove(late);
            self.call(call);
        }
        let late =
            |answer: &Answer| matches!(answer, Answer::Admit { since, .. } if is_late(since));
        while let Some(late) = self.answers.iter().position(late) {
            let answer = self.answers.swap_remove(late);
            self.answer(answer);
        }
        self.now.0 += ms;
        match self.dice.chance(3) {
            true => self.engine_now.0 -= 3000,
            false => self.engine_now.0 += ms,
        }
        self.latest = self.latest.max(self.engine_now);
        self.give_up_waiting();
        for node in 0..NODES {
            for shard in 0..SHARDS {
                let wake_at = self.nodes[node].shards[shard].wake_at();
                if wake_at.is_some_and(|at| at <= self.now) {
                    self.handle(node, shard, Input::Wake);
                }
            }
        }
    }

    fn drain(&mut self) {
        let node = self.dice.below(NODES);
        if self.nodes.iter().any(|node| node.leaving) || !self.dice.chance(20) {
            return;
        }
        self.say(&format!("n{node} drains"));
        self.nodes[node].leaving = true;
        for shard in 0..SHARDS {
            self.handle(node, shard, Input::Drain(Duration::from_secs(20)));
        }
    }

    fn restart_empty_nodes(&mut self) {
        for index in 0..NODES {
            let awaited = self.newcomers.iter().any(|newcomer| newcomer.node == index)
                || self.calls.iter().any(|call| call.is_of(index))
                || self.answers.iter().any(|answer| answer.is_of(index));
            let empty = self.nodes[index].shards.iter().all(Shard::is_empty);
            if self.nodes[index].leaving && empty && !awaited {
                let generation = self.nodes[index].name.generation + 1;
                self.nodes[index] = node(index, generation, self.now);
            }
        }
    }
}

impl Call {
    fn is_of(&self, index: usize) -> bool {
        match self {
            Self::Admit { node, .. }
            | Self::Park(node, _)
            | Self::Release(node, _)
            | Self::Touch(node, ..) => *node == index,
            Self::Read { place, .. } | Self::Send { place, .. } => place.node == index,
        }
    }
}

impl Answer {
    fn is_of(&self, index: usize) -> bool {
        match self {
            Self::Admit { node, .. } => *node == index,
            Self::Read { place, .. } | Self::Send { place, .. } => place.node == index,
        }
    }
}

/// All ids are of one partition: the registry keeps one.
const PARTITION: Partition = Partition(0);
