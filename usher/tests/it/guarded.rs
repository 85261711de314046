//! Guarded: a primary, its replicas, and three Sentinels who put one in the place of the other.

use crate::{
    program::until,
    redis::{Redis, Role, Site},
};

/// What the Sentinels call it.
pub(crate) const NAME: &str = "main";

/// Servers and who guards them.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) servers: Vec<Redis>,
    sites: Vec<Site>,
    guards: Vec<Redis>,
}

impl Guarded {
    /// A server at each site, of which the first is the primary until it is lost for this long.
    pub(crate) fn start(sites: &[Site], lost_ms: u32, settings: &[&str]) -> Self {
        let primary = sites[0].announced.port().to_string();
        let mut servers = Vec::new();
        for (at, site) in sites.iter().enumerate() {
            let port = site.announced.port().to_string();
            let mut all = vec!["--replica-announce-ip", "127.0.0.1"];
            all.extend(["--replica-announce-port", &port, "--repl-diskless-sync-delay", "0"]);
            if at > 0 {
                all.extend(["--replicaof", "127.0.0.1", &primary]);
            }
            all.extend(settings);
            servers.push(Redis::start_at(site.listens, &all));
        }
        let lines = format!(
            "sentinel monitor {NAME} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {NAME} {lost_ms}\n\
             sentinel failover-timeout {NAME} 5000"
        );
        let guards = [(); 3].map(|()| Redis::guard(&lines)).into();
        let guarded = Self { servers, sites: sites.to_vec(), guards };
        let known = format!("slaves={},sentinels=3", sites.len() - 1);
        until("each knows the replicas and the others", || {
            guarded.guards.iter().all(|guard| guard.tell("INFO sentinel").contains(&known))
        });
        until("replicas have all", || guarded.is_whole());
        guarded
    }

    /// A URL of an engine, with an account for the servers and an `@`, or without.
    pub(crate) fn url(&self, account: &str) -> String {
        let places: Vec<String> = self.guards.iter().map(Redis::at).collect();
        format!("redis+sentinel://{account}{}/{NAME}", places.join(","))
    }

    /// Which server all Sentinels take for the primary, if they agree.
    pub(crate) fn primary(&self) -> Option<usize> {
        let ask = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {NAME}");
        let port = self.guards[0].list(&ask).pop()?;
        let agree = self.guards.iter().all(|guard| guard.list(&ask).last() == Some(&port));
        let is_it = |site: &Site| site.announced.port().to_string() == port;
        self.sites.iter().position(is_it).filter(|_| agree)
    }

    /// Whether all servers run, all but the primary follow it, and no Sentinel misses anybody.
    pub(crate) fn is_whole(&self) -> bool {
        let Some(primary) = self.primary() else { return false };
        let ask = format!("SENTINEL MASTER {NAME}");
        let is_calm = |guard: &Redis| {
            let said = guard.tell(&ask);
            !said.contains("_down") && !said.contains("failover_in_progress")
        };
        self.guards.iter().all(is_calm)
            && self.servers.iter().enumerate().all(|(at, server)| {
                server.is_up()
                    && match server.role() {
                        Role::Primary => at == primary,
                        Role::Replica { has_all } => at != primary && has_all,
                    }
            })
    }
}
