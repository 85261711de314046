//! Nodes: several on one Redis, which know of each other.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::{Value, json};

use crate::{
    program::until,
    redis::{Redis, free_address},
    supervised::{Api, Supervised, UNLIMITED, serve},
};

/// Nodes that share one Redis.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) redis: Redis,
    pub(crate) nodes: Vec<Supervised>,
}

/// A node of this name.
pub(crate) fn node(name: &str, engine: &str) -> Supervised {
    node_at(free_address(), name, engine)
}

/// A node of this name at this address, which it tells others.
pub(crate) fn node_at(address: SocketAddr, name: &str, engine: &str) -> Supervised {
    start(address, name, engine, &[])
}

/// A node of this name with further settings.
pub(crate) fn node_with(name: &str, engine: &str, settings: &[(&str, &str)]) -> Supervised {
    start(free_address(), name, engine, settings)
}

fn start(address: SocketAddr, name: &str, engine: &str, settings: &[(&str, &str)]) -> Supervised {
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_LISTEN", address.to_string())
        .env("USHER_NODE__NAME", name)
        .env("USHER_NODE__PUBLIC_URL", format!("ws://{address}"))
        .env("USHER_ENGINE__URL", engine)
        .env("USHER_DRAIN__WINDOW", "1s")
        .env("USHER_DRAIN__DELAY", "0s")
        .envs(settings.iter().copied());
    Supervised::start(&mut command)
}

impl Fleet {
    /// So many nodes, which know of each other.
    pub(crate) fn of(count: usize) -> Self {
        Self::on(Redis::start(&[]), count)
    }

    /// The same on a Redis that is there.
    pub(crate) fn on(redis: Redis, count: usize) -> Self {
        let nodes: Vec<_> = (0..count).map(|n| node(&format!("n{n}"), &redis.url())).collect();
        let fleet = Self { redis, nodes };
        fleet.know_each_other();
        fleet
    }

    /// Returns when all know of all.
    pub(crate) fn know_each_other(&self) {
        let count = self.nodes.len();
        for node in &self.nodes {
            until("all know of all", || {
                let ticket = node.ask("POST", "/v1/tickets", &json!({"user": "nobody"}));
                names(node).len() == count && ticket["urls"].as_array().map(Vec::len) == Some(count)
            });
        }
    }

    pub(crate) fn socket_url(&self, node: usize) -> String {
        format!("ws://{}/v1/connect", self.nodes[node].address)
    }
}

/// The nodes that a node lists.
pub(crate) fn names(api: &Api) -> BTreeMap<String, String> {
    let list = api.call("GET", "/v1/nodes", &Value::Null).1;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|node| (text(&node["node"]), text(&node["state"]))).collect()
}

pub(crate) fn is_ready(api: &Api) -> bool {
    api.call("GET", "/readyz", &Value::Null).0 == 200
}

/// Whether the one session of a user counts as parked, as that node sees it.
pub(crate) fn is_parked(api: &Api, user: &str) -> bool {
    api.ask("GET", &format!("/v1/users/{user}"), &Value::Null)["parked"] == 1
}

/// How many sessions there are of all nodes, live and parked; nothing, if that is not known.
pub(crate) fn sessions(api: &Api) -> Value {
    api.call("GET", "/v1/stats", &Value::Null).1["sessions"].clone()
}
