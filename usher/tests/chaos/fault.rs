//! Fault: what can go wrong, by name.

use std::{fmt, str::FromStr, time::Duration};

use crate::shape::Shape;

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A node is killed, and started at once under its name.
    NodeKilled,
    /// A node is killed, and stays away for longer than its lease.
    NodeLost,
    /// A node is asked to go away, and started again.
    NodeDrained,
    /// All nodes, one after the other.
    Rolling,
    /// A node stands still for less than its lease.
    NodePaused,
    /// For longer than its lease.
    NodeFrozen,
    /// Redis is killed and comes back with what it had.
    RedisKilled,
    /// Redis is killed and comes back empty.
    RedisEmptied,
    /// Redis is killed, and comes back as it was some seconds before, as after a failover.
    RedisRewound,
    /// Redis takes no command for 3 s.
    RedisPaused,
    /// Redis does nothing at all for 3 s.
    RedisSlept,
    /// A node and Redis do not hear each other.
    Partition,
    /// Redis hears a node, and is not heard.
    RepliesLost,
    /// The other way round.
    RequestsLost,
    /// What a node has open to Redis is reset, again and again.
    RedisReset,
    /// A node's sockets to Redis are refused.
    RedisRefused,
    /// One answer of Redis is lost, and its socket with it, again and again.
    ReplyDropped,
    /// Redis is far away.
    RedisFar,
    /// Sockets of listeners are closed by Redis each second.
    ListenersKilled,
    /// What Redis pushes to a node is lost.
    BellsSilent,
    /// One push is lost.
    BellMissed,
    /// Sockets of visitors are cut.
    DoorCut,
    /// Sockets of visitors are reset.
    DoorReset,
    /// A third of visitors' sockets lie in silence.
    DoorHalfOpen,
    /// Visitors' bytes are held back, and arrive later.
    DoorStalled,
    /// Visitors are far away.
    DoorFar,
    /// Somebody deletes all that Redis has.
    Flushed,
    /// Redis has no more room.
    RedisFull,
    /// Redis is killed, and stays away for longer than a lease.
    RedisLost,
    /// A primary is killed for good when its replicas had not heard of its last writes.
    Failover,
    /// A slot moves to another primary, in two parts.
    SlotMoved,
}

use Fault::*;

impl Fault {
    pub(crate) const ALL: [Self; 31] = [
        NodeKilled,
        NodeLost,
        NodeDrained,
        Rolling,
        NodePaused,
        NodeFrozen,
        RedisKilled,
        RedisEmptied,
        RedisRewound,
        RedisPaused,
        RedisSlept,
        Partition,
        RepliesLost,
        RequestsLost,
        RedisReset,
        RedisRefused,
        ReplyDropped,
        RedisFar,
        ListenersKilled,
        BellsSilent,
        BellMissed,
        DoorCut,
        DoorReset,
        DoorHalfOpen,
        DoorStalled,
        DoorFar,
        Flushed,
        RedisFull,
        RedisLost,
        Failover,
        SlotMoved,
    ];

    pub(crate) fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Whether it can befall a Redis of this shape.
    pub(crate) fn befalls(self, shape: Shape) -> bool {
        match self {
            RedisLost => !shape.has_replicas(),
            Failover => shape.has_replicas(),
            SlotMoved => shape == Shape::Cluster,
            _ => true,
        }
    }

    /// Whether it befalls one node, and not Redis or all of them.
    pub(crate) fn is_of_node(self) -> bool {
        self != Rolling && !self.is_of_redis()
    }

    /// Whether it befalls a server of Redis.
    pub(crate) fn is_of_redis(self) -> bool {
        matches!(
            self,
            RedisKilled
                | RedisEmptied
                | RedisRewound
                | RedisPaused
                | RedisSlept
                | ListenersKilled
                | Flushed
                | RedisFull
                | RedisLost
                | Failover
                | SlotMoved
        )
    }

    /// Whether Redis may have lost what it had, so that gaps are told and sessions end. A replica may
    /// take over from whoever does not answer for long.
    pub(crate) fn forgets(self, shape: Shape) -> bool {
        let is_silent = matches!(self, RedisKilled | RedisPaused | RedisSlept);
        matches!(self, RedisEmptied | RedisRewound | Flushed | Failover)
            || (is_silent && shape.has_replicas())
    }

    /// Whether the past of streams is in doubt afterwards, so that gaps are told.
    pub(crate) fn doubts(self, shape: Shape) -> bool {
        self.forgets(shape) || matches!(self, RedisKilled | RedisLost)
    }

    /// Whether a node cannot reach Redis at all while it holds.
    pub(crate) fn cuts_off(self, shape: Shape) -> bool {
        match self {
            Partition | RepliesLost | RequestsLost | RedisRefused => true,
            RedisKilled | RedisEmptied | RedisLost => shape.is_one(),
            _ => false,
        }
    }

    /// How long it lasts, in milliseconds: from, to.
    pub(crate) fn lasts(self) -> (u64, u64) {
        match self {
            NodeKilled | RedisKilled | RedisEmptied => (300, 2_000),
            NodeLost | RedisLost => (7_000, 9_000),
            NodePaused => (2_000, 2_001),
            NodeFrozen => (10_000, 10_001),
            Failover | SlotMoved => (300, 3_000),
            RedisPaused | RedisSlept => (3_000, 3_001),
            Partition | RepliesLost | RequestsLost => (1_000, 9_000),
            DoorHalfOpen => (6_000, 9_000),
            NodeDrained | Rolling | Flushed | DoorCut | DoorReset => (1, 2),
            RedisFull | RedisRefused | RedisReset | ReplyDropped | RedisFar | ListenersKilled
            | BellsSilent | BellMissed | DoorStalled | DoorFar | RedisRewound => (2_000, 6_000),
        }
    }
}

/// Faults of which one of each is tried whenever the project is tested, and for how long. What befalls
/// nodes does not ask how Redis is run.
pub(crate) fn smoke(shape: Shape) -> (Vec<Fault>, Duration) {
    let (faults, seconds): (&[Fault], _) = match shape {
        Shape::Redis => (
            &[
                NodeKilled,
                NodeLost,
                NodeDrained,
                NodePaused,
                RedisKilled,
                Partition,
                ListenersKilled,
                DoorHalfOpen,
            ],
            100,
        ),
        Shape::Sentinel => (&[Failover], 4),
        Shape::Cluster => (&[Failover, SlotMoved], 8),
        Shape::Servers => (&[RedisLost], 8),
    };
    (faults.to_vec(), Duration::from_secs(seconds))
}

/// Faults to draw from where none is named.
pub(crate) fn all_of(shape: Shape) -> Vec<Fault> {
    Fault::ALL.into_iter().filter(|fault| fault.befalls(shape)).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| {
            format!("no fault {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

#[test]
fn each_fault_is_found_by_its_name() {
    for fault in Fault::ALL {
        assert_eq!(fault.name().parse(), Ok(fault));
    }
    assert_eq!(DoorHalfOpen.name(), "door-half-open");
    assert!("nothing".parse::<Fault>().is_err());
}
