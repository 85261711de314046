//! Placement: to which node a user should connect, so that her devices meet on one.
//!
//! A message to a user whose sessions are all on the node that accepts it goes over no network. So
//! tickets and `welcome`s name nodes in an order of the user's own, which is the same everywhere. A
//! node that has far more sessions than others comes last: an order by names alone knows nothing of
//! load.

use std::sync::{Arc, PoisonError, RwLock};

use protocol::{
    CONNECT_PATH,
    http::{Node, NodeState},
    name::UserId,
    partition::preference,
};

/// Nodes that are named: the best one, and two for when it is not there.
const NAMED_MAX: usize = 3;

/// A node has more than its share where it has this much more than others on average, in per cent,
const SHARE_PERCENT: u64 = 125;

/// and as many sessions besides, so that a handful is no load.
const SHARE_LEAST: u64 = 100;

/// What is known of the nodes that take sessions.
#[derive(Debug)]
pub(crate) struct Placement {
    /// The address of all of them together, or of a load balancer before them.
    public_url: Option<String>,
    nodes: RwLock<Arc<[Place]>>,
}

#[derive(Debug)]
struct Place {
    name: String,
    url: String,
    is_crowded: bool,
}

impl Placement {
    /// Knows of no nodes yet.
    pub(crate) fn new(public_url: Option<String>) -> Self {
        Self { public_url, nodes: RwLock::default() }
    }

    /// Takes note of all nodes.
    pub(crate) fn set(&self, nodes: &[Node]) {
        let named: Vec<(&Node, &String)> = nodes
            .iter()
            .filter(|node| node.state == NodeState::Ready)
            .filter_map(|node| Some((node, node.url.as_ref()?)))
            .collect();
        let all: u64 = named.iter().map(|(node, _)| node.sessions).sum();
        let mean = all / (named.len() as u64).max(1);
        let most = mean * SHARE_PERCENT / 100 + SHARE_LEAST;
        let places = named.into_iter().map(|(node, url)| Place {
            name: node.node.clone(),
            url: url.clone(),
            is_crowded: node.sessions > most,
        });
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = places.collect();
    }

    /// Where a user should connect, best first.
    pub(crate) fn urls(&self, user: &UserId) -> Vec<String> {
        let nodes = Arc::clone(&self.nodes.read().unwrap_or_else(PoisonError::into_inner));
        let mut order: Vec<&Place> = nodes.iter().collect();
        let rank = |place: &&Place| (!place.is_crowded, preference(user, &place.name));
        order.sort_by_key(|place| std::cmp::Reverse(rank(place)));
        order.truncate(NAMED_MAX);
        let mut urls: Vec<String> =
            order.into_iter().map(|place| connect_url(&place.url)).collect();
        let of_all = self.public_url.as_deref().map(connect_url);
        urls.extend(of_all.filter(|url| !urls.contains(url)));
        urls
    }
}

/// Where to connect at a public address.
fn connect_url(public_url: &str) -> String {
    format!("{}{CONNECT_PATH}", public_url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
