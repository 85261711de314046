//! A Redis Cluster, for one test.

use super::*;
use crate::redis::keys::slot_of;

const SLOTS: usize = 16_384;

/// Nodes that know each other: first the primaries, then a replica for each, if there are any.
pub(super) struct Cluster {
    pub(super) nodes: Vec<Server>,
    pub(super) primaries: usize,
}

impl Ground for Cluster {
    fn url(&self) -> String {
        let places: Vec<String> = self.nodes.iter().map(Server::at).collect();
        format!("redis+cluster://{}", places.join(","))
    }
}

impl Cluster {
    pub(super) async fn of(primaries: usize, with_replicas: bool) -> Self {
        let count = if with_replicas { primaries * 2 } else { primaries };
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..count {
            let bus = server::free_port().to_string();
            let settings = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                "1500",
                "--repl-diskless-sync-delay",
                "0",
            ];
            nodes.push(Server::start(&settings).await);
            buses.push(bus);
        }
        let cluster = Self { nodes, primaries };
        for (at, node) in cluster.nodes.iter().enumerate() {
            let _set: String = node.tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1)).await;
            if at < primaries {
                let (first, end) = (SLOTS * at / primaries, SLOTS * (at + 1) / primaries);
                let add = format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1);
                let _added: String = node.tell(&add).await;
            }
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", node.port(), buses[at]);
            let _met: String = cluster.nodes[0].tell(&meet).await;
        }
        cluster.until_agreed().await;
        for at in primaries..count {
            let id: String = cluster.nodes[at - primaries].tell("CLUSTER MYID").await;
            let _replica: String = cluster.nodes[at].tell(&format!("CLUSTER REPLICATE {id}")).await;
        }
        for at in primaries..count {
            until("a replica has all", || async {
                let info: String = cluster.nodes[at].tell("INFO replication").await;
                info.contains("master_link_status:up")
            })
            .await;
        }
        if with_replicas {
            until("all know the replicas", || async {
                for node in &cluster.nodes {
                    let nodes: String = node.tell("CLUSTER NODES").await;
                    if nodes.matches("slave").count() < primaries {
                        return false;
                    }
                }
                true
            })
            .await;
        }
        cluster
    }

    /// Waits until all nodes know of all, and that all is well.
    async fn until_agreed(&self) {
        let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
        until("all nodes know each other", || async {
            for node in &self.nodes {
                let info: String = node.tell("CLUSTER INFO").await;
                if !info.contains("cluster_state:ok") || !info.contains(&known) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Which primary keeps a partition at first.
    pub(super) fn keeper(&self, partition: Partition) -> usize {
        let slot = usize::from(slot_of(partition));
        let of = |at: &usize| {
            (SLOTS * at / self.primaries..SLOTS * (at + 1) / self.primaries).contains(&slot)
        };
        (0..self.primaries).find(of).expect("all slots are kept")
    }

    /// Puts the replica of a primary in its place, of which that one hears nothing: it goes on, with
    /// what it has. Returns where the replica is.
    pub(super) async fn replace_unheard(&self, primary: usize) -> &Server {
        let old = &self.nodes[primary];
        let _set: String = old.tell("CONFIG SET cluster-require-full-coverage no").await;
        for (at, node) in self.nodes.iter().enumerate() {
            if at != primary {
                let id: String = node.tell("CLUSTER MYID").await;
                let _forgotten: String = old.tell(&format!("CLUSTER FORGET {id}")).await;
            }
        }
        let new = &self.nodes[primary + self.primaries];
        let _done: String = new.tell("CLUSTER FAILOVER TAKEOVER").await;
        until("all others know the new one", || async {
            let id: String = new.tell("CLUSTER MYID").await;
            for (at, node) in self.nodes.iter().enumerate() {
                let nodes: String = node.tell("CLUSTER NODES").await;
                let line = nodes.lines().find(|line| line.starts_with(&id));
                if at != primary && !line.is_some_and(|line| line.contains("master")) {
                    return false;
                }
            }
            true
        })
        .await;
        new
    }

    /// Moves a partition's slot from one primary to another, with all keys.
    pub(super) async fn shift(&self, partition: Partition, from: usize, to: usize) {
        self.carry_over(partition, from, to).await;
        // The new one first, so that there is always one.
        let target_id: String = self.nodes[to].tell("CLUSTER MYID").await;
        let set = format!("CLUSTER SETSLOT {} NODE {target_id}", slot_of(partition));
        let primaries = &self.nodes[..self.primaries];
        for node in [&primaries[to], &primaries[from]].into_iter().chain(primaries) {
            let _set: String = node.tell(&set).await;
        }
    }

    /// Takes the keys of a partition from one primary to another, which does not keep its slot yet.
    pub(super) async fn carry_over(&self, partition: Partition, from: usize, to: usize) {
        let slot = slot_of(partition);
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let source_id: String = source.tell("CLUSTER MYID").await;
        let target_id: String = target.tell("CLUSTER MYID").await;
        let set = |words: String| format!("CLUSTER SETSLOT {slot} {words}");
        let _set: String = target.tell(&set(format!("IMPORTING {source_id}"))).await;
        let _set: String = source.tell(&set(format!("MIGRATING {target_id}"))).await;
        loop {
            let some: Vec<String> = source.tell(&format!("CLUSTER GETKEYSINSLOT {slot} 10")).await;
            if some.is_empty() {
                break;
            }
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(target.port()).arg("").arg(0).arg(5000).arg("KEYS");
            migrate.arg(some);
            let _moved: String = source.ask(&migrate).await;
        }
    }
}
