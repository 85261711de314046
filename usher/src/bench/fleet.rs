//! Fleet: all servers under load: one that was given, one with all in its own memory, or several on
//! one Redis.

use std::net::SocketAddr;

use server::random;

use super::{
    children::Children,
    node::{HOME, Node, Start},
    process::Process,
    redis::{Redis, free_address},
    report::Figure,
    target::Target,
};
use crate::{
    args::bench::{Nodes, Place, Shared},
    failure::Failure,
};

/// Servers to measure, and what they share.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) nodes: Vec<Node>,
    pub(super) redis: Option<Redis>,
    /// What was started, unless the server was given.
    children: Option<Children>,
    /// The last node that was killed.
    lost: Option<String>,
    shards: usize,
}

impl Fleet {
    /// The given server, or what is started.
    pub(super) fn of(place: &Place, nodes: &Nodes) -> Result<Self, Failure> {
        Self::with(place, nodes, &[])
    }

    /// The same; nodes that are started are told this as well.
    pub(super) fn with(
        place: &Place,
        nodes: &Nodes,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let Some(url) = &place.server else { return Self::start(place, nodes, settings) };
        let target = Target::given(url, &place.key()?)?;
        let (name, process) = (target.host.clone(), place.pid.map(Process::new));
        let nodes = vec![Node { name, target, process }];
        Ok(Self { nodes, redis: None, children: None, lost: None, shards: 0 })
    }

    fn start(place: &Place, wanted: &Nodes, settings: &[(&str, &str)]) -> Result<Self, Failure> {
        let shared = wanted.shared()?;
        let children = Children::begin()?;
        let redis = shared.map(|shared| match shared {
            Shared::Started => Redis::start(&children),
            Shared::Given(url) => Redis::given(url, &children),
        });
        let redis = redis.transpose()?;
        let count = wanted.count();
        let shards = place.shards().unwrap_or_else(|| (spare_cores() / count).max(1));
        let key = format!("{:032x}", random::bits());
        let mut nodes = Vec::new();
        for number in 1..=count {
            // Where there are several each is told its own address before it has it.
            let listen = match &redis {
                Some(_) => free_address()?,
                None => SocketAddr::from((HOME, 0)),
            };
            let (name, tls, redis) = (format!("n{number}"), place.tls, redis.as_ref());
            let start = Start { name: &name, key: &key, listen, shards, tls, redis, settings };
            nodes.push(start.node(&children)?);
        }
        Ok(Self { nodes, redis, children: Some(children), lost: None, shards })
    }

    /// How to address each of them.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.nodes.iter().map(|node| node.target.clone()).collect()
    }

    /// The processes of all, if they are known.
    pub(super) fn processes(&self) -> Option<Vec<Process>> {
        self.nodes.iter().map(|node| node.process).collect()
    }

    /// Whether there are several.
    pub(super) fn is_several(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Whether they go on when the measurement is over.
    pub(super) fn stays(&self) -> bool {
        self.children.is_none()
    }

    /// Kills a node, as a crash does; those behind it have other numbers then.
    pub(super) fn kill(&mut self, node: usize) {
        let lost = self.nodes.remove(node);
        if let (Some(children), Some(process)) = (&self.children, lost.process) {
            children.kill(process);
        }
        self.lost = Some(lost.name);
    }

    /// The name of the node that was killed.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Where what is started besides goes, unless the server was given.
    pub(super) fn children(&self) -> Result<&Children, Failure> {
        let children = self.children.as_ref();
        children.ok_or_else(|| Failure::usage("this is measured without --server"))
    }

    /// What a reader of the figures should know of them.
    pub(super) fn figures(&self) -> Result<Vec<Figure>, Failure> {
        let (first, whose) = (&self.nodes[0], if self.stays() { "" } else { "own" });
        let whose = if whose.is_empty() { &first.target.host } else { whose };
        let transport = if first.target.trust.is_some() { "TLS" } else { "TCP" };
        let mut figures = vec![
            Figure::word("server", "server", whose),
            Figure::word("transport", "sockets", transport),
        ];
        if !self.stays() {
            let shards = u64::try_from(self.shards).unwrap_or(u64::MAX);
            figures.push(Figure::count("server_shards", "its shards", shards));
        }
        if let Some(redis) = &self.redis {
            let count = u64::try_from(self.nodes.len()).unwrap_or(u64::MAX);
            figures.push(Figure::count("nodes", "nodes", count));
            figures.extend(redis.figures()?);
        }
        Ok(figures)
    }
}

/// All cores but the one that the load needs.
fn spare_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}
