//! World: nodes, the registry, devices, a backend, and all that is on its way between them.

mod step;
mod time;
mod rest;
mod checks;
mod backend;
mod speaking;
mod connecting;
mod network;
mod restarts;
mod freezing;
mod carrying;
mod newcomers;
mod admitting;
mod engine;
mod sending;
mod mischief;
mod obeying;
mod opening;
mod node;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use kernel::{
    message::{Fenced, NodeRef},
    moment::Moment,
    registry::{Grant, Registry, Terms},
    stream,
};
use protocol::{
    grant::Origin,
    id::Ticket,
    limit,
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
};

use self::{
    backend::Keyed,
    carrying::{Answer, Call, Late},
    mischief::Mischief,
    newcomers::Newcomer,
    node::Node,
};
use crate::{
    clock::Clock,
    device::{Device, Kind, Phase},
    dice::Dice,
    fault::Fault,
    log::Log,
    oracle::Oracle,
    socket::{HeardAt, Place, Socket},
};

const NODES: usize = 3;
const SHARDS: usize = 2;
const USERS: [&str; 4] = ["alice", "bob", "carol", "d{a}ve"];

/// The page of the app, and that of somebody else.
const APP: &str = "https://app.example";
const ELSEWHERE: &str = "https://elsewhere.example";

/// All ids are of one partition: the registry keeps one.
const PARTITION: Partition = Partition(0);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) oracle: Oracle,
    pub(crate) log: Log,
    dice: Dice,
    fault: Option<Fault>,
    clock: Clock,
    registry: Registry,
    nodes: Vec<Node>,
    /// Nodes that died without a word, and until when they count as there.
    leases: Vec<(Arc<NodeRef>, Moment)>,
    calls: Vec<Late<Call>>,
    answers: Vec<Late<Answer>>,
    sockets: BTreeMap<u64, Socket>,
    places: HashMap<Place, u64>,
    /// A place whose socket was found to be gone while its shard was obeyed.
    just_lost: Option<Place>,
    devices: Vec<Device>,
    /// Newcomers that wait for the answers to probes.
    newcomers: Vec<Newcomer>,
    /// Of whom a question or an answer was lost.
    lost_probes: HashSet<Fenced>,
    tickets: Vec<(UserId, Ticket)>,
    /// What was asked for with each ticket.
    grants: BTreeMap<Ticket, Grant>,
    keyed: Vec<Keyed>,
    next: u64,
    /// Counts what shards were given, so that it can be told what came first.
    inputs: u64,
    mischief: Mischief,
    /// Nothing fails while all comes to rest.
    resting: bool,
}

fn terms(dice: &mut Dice) -> Terms {
    let resume_window = std::time::Duration::from_secs(dice.one_of(&[10, 30, 120]));
    let age = resume_window + limit::STREAM_MARGIN;
    Terms {
        resume_window,
        session_age: std::time::Duration::from_secs(3000),
        stream: stream::Bounds { messages: 40, bytes: 5000, age },
        keys: 250,
        sessions_per_user: limit::SESSIONS_PER_USER_MAX,
    }
}

fn devices() -> impl Iterator<Item = Device> {
    let kinds = [
        (Some("d1"), Some("phone"), None, Kind::Sdk),
        (Some("d1"), None, Some(APP), Kind::Sdk),
        (Some("d2"), Some("desk"), Some(APP), Kind::Sdk),
        (None, Some("phone"), None, Kind::Plain),
        (None, None, Some(APP), Kind::Sdk),
    ];
    let of = move |user: &&str| {
        let user = UserId::parse(user).unwrap();
        kinds.map(|(id, class, origin, kind)| Device {
            user: user.clone(),
            id: id.map(|id| DeviceId::parse(id).unwrap()),
            class: class.map(|class| DeviceClass::parse(class).unwrap()),
            origin: origin.map(|origin| Origin::parse(origin).unwrap()),
            kind,
            phase: Phase::Away,
            session: None,
            token: None,
            position: Position::default(),
            ticket: None,
            back_at: Moment(0),
            stopped: false,
            pings: 0,
            unanswered: Vec::new(),
        })
    };
    USERS.iter().flat_map(of)
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>, log: Log) -> Self {
        let (clock, mut dice) = (Clock::new(), Dice::new(seed));
        let terms = terms(&mut dice);
        Self {
            oracle: Oracle::new(terms, clock),
            log,
            dice,
            fault,
            clock,
            registry: Registry::new(terms),
            nodes: (0..NODES).map(|index| Node::new(index, 1, clock.now)).collect(),
            leases: Vec::new(),
            calls: Vec::new(),
            answers: Vec::new(),
            sockets: BTreeMap::new(),
            places: HashMap::new(),
            just_lost: None,
            devices: devices().collect(),
            newcomers: Vec::new(),
            lost_probes: HashSet::new(),
            tickets: Vec::new(),
            grants: BTreeMap::new(),
            keyed: Vec::new(),
            next: 0,
            inputs: 0,
            mischief: Mischief::default(),
            resting: false,
        }
    }

    fn say(&mut self, what: std::fmt::Arguments<'_>) {
        self.log.say(self.clock.now, what);
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// This moment, in the order of what shards are given.
    fn this_input(&self) -> HeardAt {
        HeardAt { at: self.clock.now, step: self.inputs }
    }

    fn socket_of(&mut self, place: Place) -> Option<&mut Socket> {
        let id = self.places.get(&place)?;
        Some(self.sockets.get_mut(id).expect("places are of sockets"))
    }

    fn some_user(&mut self) -> UserId {
        UserId::parse(self.dice.one_of(&USERS)).unwrap()
    }
}
