//! Keys: where in Redis what is kept.
//!
//! All that belongs to one partition has one hash tag, so that one script may look at all of it,
//! in a cluster too. The first pair of braces of a key is the tag's, so no name that an app chose
//! can lead elsewhere. The tags are such that the partitions' slots lie evenly over all slots.

use std::sync::LazyLock;

use kernel::message::NodeRef;
use protocol::{
    id::{ResumeToken, SessionId, Ticket},
    name::UserId,
    partition::{PARTITIONS, Partition},
};

/// Slots of a cluster for each partition.
const BAND: u16 = 16_384 / 256;

/// What is between the braces, for each partition. They must never change.
static TAGS: LazyLock<Box<[String]>> = LazyLock::new(|| {
    let tag = |partition: u8| {
        let fits = |tag: &String| slot(tag.as_bytes()) / BAND == u16::from(partition);
        let tag = (0_u32..).map(|n| format!("{partition:02x}-{n}")).find(fits);
        tag.expect("some number leads to each slot")
    };
    (0..=u8::MAX).map(tag).collect()
});

/// The slot of a cluster that a tag is kept in.
fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x1021,
        })
    });
    crc % 16_384
}

/// The slot of a cluster that a partition is.
pub(super) fn slot_of(partition: Partition) -> u16 {
    slot(tag(partition).as_bytes())
}

/// The tag of a partition.
pub(super) fn tag(partition: Partition) -> &'static str {
    &TAGS[usize::from(partition.0) % PARTITIONS]
}

/// The partition with which is kept what is of none.
pub(super) const HOME: Partition = Partition(0);

/// Names of keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    fn at(&self, partition: Partition, noun: &str) -> String {
        format!("{}{{{}}}:{noun}", self.prefix, tag(partition))
    }

    fn one(&self, partition: Partition, noun: &str, name: &str) -> String {
        format!("{}{{{}}}:{noun}:{name}", self.prefix, tag(partition))
    }

    /// All that is kept of a partition.
    pub(super) fn all_of(&self, partition: Partition) -> String {
        self.at(partition, "*")
    }

    /// How the partitions are laid out; not of one of them.
    pub(super) fn layout(&self) -> String {
        format!("{}layout", self.prefix)
    }

    /// The same, where one server has it for all.
    pub(super) fn layout_of_all(&self) -> String {
        self.at(HOME, "layout")
    }

    /// What nodes tell of themselves.
    pub(super) fn nodes(&self) -> String {
        self.at(HOME, "nodes")
    }

    /// Which nodes want to hear what happens at others.
    pub(super) fn listeners(&self) -> String {
        self.at(HOME, "listeners")
    }

    /// Where nodes tell what happens.
    pub(super) fn news(&self) -> String {
        self.at(HOME, "news")
    }

    /// Which primary the partition met last, and its epochs.
    pub(super) fn primary(&self, partition: Partition) -> String {
        self.at(partition, "primary")
    }

    /// Until when each node's lease holds.
    pub(super) fn lease(&self, partition: Partition) -> String {
        self.at(partition, "lease")
    }

    /// How many envelopes each node was sent; also the beginning of the nodes' channels.
    pub(super) fn mail(&self, partition: Partition) -> String {
        self.at(partition, "mail")
    }

    /// Where a node listens.
    pub(super) fn inbox(&self, partition: Partition, node: &NodeRef) -> String {
        format!("{}:{node}", self.mail(partition))
    }

    /// Users by the time until which one of their sessions stands.
    pub(super) fn users(&self, partition: Partition) -> String {
        self.at(partition, "users")
    }

    /// Live sessions by the time at which they are too old.
    pub(super) fn live(&self, partition: Partition) -> String {
        self.at(partition, "live")
    }

    /// Parked sessions by the time until which they may resume.
    pub(super) fn parked(&self, partition: Partition) -> String {
        self.at(partition, "parked")
    }

    /// Users who are kept out, for lists.
    pub(super) fn blocks(&self, partition: Partition) -> String {
        self.at(partition, "blocks")
    }

    /// The sessions that a node has.
    pub(super) fn node(&self, partition: Partition, node: &str) -> String {
        self.one(partition, "node", node)
    }

    /// What is never there.
    pub(super) fn room(&self, partition: Partition) -> String {
        self.at(partition, "room")
    }

    /// A user's sessions, and how far the stream reaches. Nobody is kept under no name.
    pub(super) fn user(&self, partition: Partition, user: Option<&UserId>) -> String {
        self.one(partition, "user", user.map_or("", UserId::as_str))
    }

    /// A user's messages.
    pub(super) fn stream(&self, user: &UserId) -> String {
        self.one(Partition::of(user), "stream", user.as_str())
    }

    /// Until when a user is kept out.
    pub(super) fn block(&self, user: &UserId) -> String {
        self.one(Partition::of(user), "block", user.as_str())
    }

    /// A ticket, by its shade.
    pub(super) fn ticket(&self, ticket: Ticket) -> String {
        self.one(ticket.partition(), "ticket", &ticket.to_string())
    }

    /// Whose a resume token is, or the code that its session ended with; by its shade.
    pub(super) fn token(&self, token: ResumeToken) -> String {
        self.one(token.partition(), "token", &token.to_string())
    }

    /// Whose a session is.
    pub(super) fn session(&self, session: SessionId) -> String {
        self.one(session.partition(), "session", &session.to_string())
    }

    /// What became of messages of a user's sessions to those of one partition.
    pub(super) fn sent(&self, partition: Partition, sender: &UserId) -> String {
        self.one(partition, "sent", sender.as_str())
    }

    /// What became of a message that may be sent again.
    pub(super) fn key(&self, partition: Partition, hash: &str) -> String {
        self.one(partition, "key", hash)
    }
}

#[cfg(test)]
mod tests;
