//! Node: one process, in one of its lives: shards, and what is on its way to them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use kernel::{
    message::{Envelope, Fence, Message, NodeRef},
    moment::Moment,
    outbox,
    rate::Rate,
    shard::{Options, Shard},
};
use protocol::{id::SessionId, limit};

use super::{SHARDS, carrying::Late};
use crate::wire::{self, CONTROL_PING};

pub(super) const OUTBOX: outbox::Bounds = outbox::Bounds { frames: 12, bytes: 2000 };

/// What may wait for all sessions of a shard.
pub(super) const OUTBOXES_BYTES: usize = 3500;

/// How long its sessions wait for its lease, and how long they take to leave then.
pub(super) const GRACE: Duration = Duration::from_secs(40);
pub(super) const GRACE_WINDOW: Duration = Duration::from_secs(15);

/// Messages to everyone that may wait for one shard.
const BROADCASTS_MAX: usize = 2;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: Arc<NodeRef>,
    pub(super) shards: Vec<Shard>,
    /// Whether the shard has had something since its turn began.
    pub(super) in_turn: [bool; SHARDS],
    /// What waited for sockets when the shard was last given something.
    pub(super) waited: [usize; SHARDS],
    pub(super) mail: Vec<Late<Envelope>>,
    pub(super) broadcasts: [VecDeque<Arc<Message>>; SHARDS],
    /// Up to which admission it has heard that a session is over.
    pub(super) heard_ends: BTreeMap<SessionId, Fence>,
    /// Until when it lets go of its sessions, if it drains.
    pub(super) leaving_until: Option<Moment>,
    /// Since when it is without its lease, if it is.
    pub(super) frozen_at: Option<Moment>,
}

impl Node {
    pub(super) fn new(index: usize, generation: u64, now: Moment) -> Self {
        Self {
            name: Arc::new(NodeRef { id: format!("n{index}").into(), generation }),
            shards: (0..SHARDS).map(|_| Shard::new(options(), now)).collect(),
            in_turn: [false; SHARDS],
            waited: [0; SHARDS],
            mail: Vec::new(),
            broadcasts: std::array::from_fn(|_| VecDeque::new()),
            heard_ends: BTreeMap::new(),
            leaving_until: None,
            frozen_at: None,
        }
    }

    pub(super) fn life(&self) -> u64 {
        self.name.generation
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving_until.is_some()
    }

    pub(super) fn has_room(&self) -> bool {
        self.broadcasts.iter().all(|waiting| waiting.len() < BROADCASTS_MAX)
    }
}

fn options() -> Options {
    Options {
        node: "n".to_owned(),
        outbox: OUTBOX,
        outboxes_bytes: OUTBOXES_BYTES,
        frames: Rate { per_second: limit::FRAMES_PER_SECOND, burst: 20 },
        ping: Duration::from_secs(25),
        pong_wait: Duration::from_secs(10),
        grace: GRACE,
        grace_window: GRACE_WINDOW,
        encode: wire::encode,
        control_ping: Bytes::from_static(CONTROL_PING),
    }
}
