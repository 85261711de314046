//! Cluster: a Redis Cluster.

use crate::{
    program::until,
    redis::{Redis, Role, Site, free_address},
};

const SLOTS: usize = 16_384;

/// Servers that know each other: first those who are primaries at first, then replicas of these.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Redis>,
    sites: Vec<Site>,
    parts: usize,
}

impl Cluster {
    /// A server at each site, of which the first few are primaries, each of a part.
    pub(crate) fn start(sites: &[Site], parts: usize, settings: &[&str]) -> Self {
        let buses: Vec<String> = sites.iter().map(|_| free_address().port().to_string()).collect();
        let mut servers = Vec::new();
        for (site, bus) in sites.iter().zip(&buses) {
            let port = site.announced.port().to_string();
            let mut all = vec!["--cluster-enabled", "yes", "--cluster-port", bus];
            all.extend(["--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", &port]);
            all.extend(["--repl-diskless-sync-delay", "0"]);
            all.extend(settings);
            servers.push(Redis::start_at(site.listens, &all));
        }
        let cluster = Self { servers, sites: sites.to_vec(), parts };
        for (at, server) in cluster.servers.iter().enumerate() {
            server.tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
            if at < parts {
                let (first, end) = (SLOTS * at / parts, SLOTS * (at + 1) / parts);
                server.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1));
            }
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", server.port(), buses[at]);
            cluster.servers[0].tell(&meet);
        }
        until("they are a cluster", || cluster.agree());
        for at in parts..sites.len() {
            let id = cluster.id(at % parts);
            cluster.servers[at].tell(&format!("CLUSTER REPLICATE {id}"));
        }
        until("replicas have all, and are known", || cluster.is_whole());
        cluster
    }

    /// A URL of an engine, with an account and an `@`, or without.
    pub(crate) fn url(&self, account: &str) -> String {
        let places: Vec<String> =
            self.sites.iter().take(2).map(|site| site.announced.to_string()).collect();
        format!("redis+cluster://{account}{}", places.join(","))
    }

    /// What it is called by the others.
    pub(crate) fn id(&self, at: usize) -> String {
        self.servers[at].tell("CLUSTER MYID")
    }

    /// Whether all know all, miss nobody, and keep all slots.
    fn agree(&self) -> bool {
        let known = format!("cluster_known_nodes:{}\r\n", self.servers.len());
        self.servers.iter().all(|server| {
            let said = server.tell("CLUSTER INFO");
            said.contains("cluster_state:ok")
                && said.contains(&known)
                && !server.tell("CLUSTER NODES").contains("fail")
        })
    }

    /// The servers of a part.
    fn of_part(&self, part: usize) -> impl Iterator<Item = usize> {
        (part..self.servers.len()).step_by(self.parts)
    }

    /// Which server is the primary of a part, if there is one.
    pub(crate) fn primary(&self, part: usize) -> Option<usize> {
        let mut all = self.of_part(part);
        all.find(|at| self.servers[*at].is_up() && self.servers[*at].role() == Role::Primary)
    }

    /// Whether all servers run, each part has one primary, and the others of it follow that.
    pub(crate) fn is_whole(&self) -> bool {
        let has_all = |at: usize| self.servers[at].role() == Role::Replica { has_all: true };
        self.servers.iter().all(Redis::is_up)
            && self.agree()
            && (0..self.parts).all(|part| {
                let primary = self.primary(part);
                primary.is_some() && self.of_part(part).all(|at| Some(at) == primary || has_all(at))
            })
    }
}
