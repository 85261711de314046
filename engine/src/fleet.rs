//! Fleet: what the nodes of one engine know of each other, and what the engine tells each of them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use kernel::message::NodeRef;
use protocol::{event::What, http, id::SessionId, name::UserId, time::Timestamp};
use tokio::sync::{mpsc, watch};

use crate::{contract::Failed, tenure::Tenure};

/// Whether the engine is there for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Not yet, or not any more: nobody should be admitted. If it was asked again since, what stands
    /// against it.
    Lost(Option<String>),
    /// It is there for most users, and not for those of this many partitions; as before, why.
    Partly(usize, Option<String>),
    /// It is there, and takes nothing more for the users of this many partitions, while all that keeps
    /// what they have goes on; and which server is full.
    Full(usize, String),
    /// It answers, what it sends arrives, and what was lost has been made up for.
    Here,
}

impl Health {
    /// Whether anybody should be admitted.
    #[must_use]
    pub fn is_here(&self) -> bool {
        match self {
            Self::Lost(_) => false,
            Self::Partly(..) | Self::Full(..) | Self::Here => true,
        }
    }
}

/// What happened at a node, between two places of its own count. All that it tells is told in this
/// order, so whoever heard up to `after` misses nothing; who did not knows what it missed.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// At which node.
    pub node: Arc<str>,
    /// In which of its lives.
    pub generation: u64,
    /// After this number.
    pub after: u64,
    /// All until this number, which may be no event's.
    pub until: u64,
    /// The events, with their numbers, which only grow.
    pub events: Vec<(u64, Timestamp, What)>,
}

/// A session whose node was taken for lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// The node that had it.
    pub node: Arc<NodeRef>,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a session whose node was taken for lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was parked.
    Parked,
    /// Its node came back for it, and has it again.
    TakenBack,
}

/// What a node has in common with others.
#[async_trait]
pub trait Fleet: Send + Sync + fmt::Debug {
    /// Whether the engine is there, as that changes.
    fn health(&self) -> watch::Receiver<Health>;

    /// The leases of this node; none where nobody else could ever have its sessions.
    fn tenure(&self) -> Option<Arc<Tenure>>;

    /// Sessions that a step of this node parked since the last look, as their own node was lost, and
    /// those that it took back after others did so. Each time is told once, by one node.
    fn orphans(&self) -> Vec<Orphan>;

    /// Where something is kept that this node cannot read, as it found since the last look. Each place
    /// is told once.
    fn unreadable(&self) -> Vec<String>;

    /// Notes what this node tells of itself. It is forgotten when it is not told again for a while.
    async fn report(&self, me: &http::Node) -> Result<(), Failed>;

    /// All nodes that told of themselves of late, by name.
    async fn nodes(&self) -> Result<Vec<http::Node>, Failed>;

    /// Asks the nodes of this name to go away. More than one has it where that was set up wrong;
    /// tells which they are, and none where there is none.
    async fn ask_to_leave(&self, name: &str) -> Result<Vec<http::Node>, Failed>;

    /// Whether another node asked this one to go away.
    fn asked_to_leave(&self) -> watch::Receiver<bool>;

    /// Whether another node wants to hear what happens at this one.
    fn wanted(&self) -> watch::Receiver<bool>;

    /// Tells others what happened here. What was told already may be told again.
    async fn tell(&self, told: &Told) -> Result<(), Failed>;

    /// What others tell from now on, but never this node itself; none where there can be no others.
    /// They are asked to tell until it is dropped. What finds no room in it is left out.
    fn hear(&self) -> Option<mpsc::Receiver<Told>>;

    /// This node goes away: it is not listed any more, and sessions that it still has are parked.
    async fn leave(&self) -> Result<(), Failed>;
}

/// A node that has its engine to itself.
#[derive(Debug)]
pub struct Alone {
    health: watch::Sender<Health>,
    asked: watch::Sender<bool>,
    wanted: watch::Sender<bool>,
    me: Mutex<Option<http::Node>>,
}

impl Default for Alone {
    fn default() -> Self {
        Self {
            health: watch::Sender::new(Health::Here),
            asked: watch::Sender::new(false),
            wanted: watch::Sender::new(false),
            me: Mutex::default(),
        }
    }
}

impl Alone {
    fn me(&self) -> Vec<http::Node> {
        self.me.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect()
    }
}

#[async_trait]
impl Fleet for Alone {
    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn tenure(&self) -> Option<Arc<Tenure>> {
        None
    }

    fn orphans(&self) -> Vec<Orphan> {
        Vec::new()
    }

    fn unreadable(&self) -> Vec<String> {
        Vec::new()
    }

    async fn report(&self, me: &http::Node) -> Result<(), Failed> {
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<http::Node>, Failed> {
        Ok(self.me())
    }

    async fn ask_to_leave(&self, name: &str) -> Result<Vec<http::Node>, Failed> {
        let mut nodes = self.me();
        nodes.retain(|node| node.node == name);
        if !nodes.is_empty() {
            self.asked.send_replace(true);
        }
        Ok(nodes)
    }

    fn asked_to_leave(&self) -> watch::Receiver<bool> {
        self.asked.subscribe()
    }

    fn wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    async fn tell(&self, _: &Told) -> Result<(), Failed> {
        Ok(())
    }

    fn hear(&self) -> Option<mpsc::Receiver<Told>> {
        None
    }

    async fn leave(&self) -> Result<(), Failed> {
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}
