//! Ground: the servers of Redis of a run, in one of its shapes, each behind a gate, and what befalls
//! them.
//!
//! Servers announce their gates, so replicas come by them, and nodes that were led from one server
//! to another. What servers of a Cluster say to each other, and Sentinels, goes the straight way.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    cluster::Cluster,
    fault::Fault,
    gate::{Gate, REPLICA, Ways},
    guarded::Guarded,
    plan::Step,
    redis::{Redis, Site, free_address},
    shape::Shape,
    slots,
    way::{Pace, Way},
};

/// Time after which a primary that does not answer is replaced.
const LOST_MS: u32 = 2_000;

/// How long it may take until all servers are well again.
const WHOLE: Duration = Duration::from_secs(60);

/// Where Redis has its AOF, in its folder.
const AOF: &str = "appendonlydir";

/// Parts of a Cluster.
const PARTS: usize = 3;

/// What all servers are started with.
const SETTINGS: [&str; 6] =
    ["--appendonly", "yes", "--enable-debug-command", "yes", "--maxmemory-policy", "noeviction"];

/// The servers of a run.
#[derive(Debug)]
pub(crate) struct Ground {
    servers: Servers,
    gates: Vec<Gate>,
    /// How replicas reach their primaries.
    replication: Way,
    /// The server that the last fault befell.
    struck: usize,
    /// A slot that moves, and where to.
    shifting: Option<(String, usize)>,
    sleeper: Option<std::net::TcpStream>,
}

#[derive(Debug)]
enum Servers {
    Lone(Vec<Redis>),
    Guarded(Guarded),
    Cluster(Cluster),
}

impl Ground {
    /// Starts servers. Nodes of these names reach them by these ways.
    pub(crate) async fn build(
        shape: Shape,
        mut ways: BTreeMap<String, Way>,
        seed: u64,
    ) -> Result<Self, String> {
        let accounts =
            ways.keys().map(|name| ["--user", name, "on", "nopass", "~*", "&*", "+@all"]);
        let mut settings: Vec<String> =
            SETTINGS.into_iter().chain(accounts.flatten()).map(str::to_owned).collect();
        let replication = Way::new(seed);
        ways.insert(REPLICA.to_owned(), replication.clone());
        let count = match shape {
            Shape::Redis => 1,
            Shape::Servers => 2,
            Shape::Sentinel => 3,
            Shape::Cluster => PARTS * 2,
        };
        let (mut sites, mut gates) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let listens = free_address();
            let gate = Gate::before(listens, Ways::Named(ways.clone())).await;
            let gate = gate.map_err(|e| e.to_string())?;
            sites.push(Site { listens, announced: gate.address });
            gates.push(gate);
        }
        // Where replicas take over, the disk is not what keeps writes.
        let sync = if shape.has_replicas() { "everysec" } else { "always" };
        settings.extend(["--appendfsync", sync].map(str::to_owned));
        let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let servers = match shape {
            Shape::Redis | Shape::Servers => {
                let start = |site: &Site| Redis::start_at(site.listens, &settings);
                Servers::Lone(sites.iter().map(start).collect())
            }
            Shape::Sentinel => {
                // As `docs/fleet.md` advises.
                settings.extend(["--min-replicas-to-write", "1"]);
                Servers::Guarded(Guarded::start(&sites, LOST_MS, &settings))
            }
            Shape::Cluster => {
                let lost = LOST_MS.to_string();
                settings.extend(["--cluster-node-timeout", &lost]);
                settings.extend(["--cluster-require-full-coverage", "no"]);
                Servers::Cluster(Cluster::start(&sites, PARTS, &settings))
            }
        };
        Ok(Self { servers, gates, replication, struck: 0, shifting: None, sleeper: None })
    }

    /// The engine's URL for a node.
    pub(crate) fn url(&self, node: &str) -> String {
        let account = format!("{node}:open@");
        match &self.servers {
            Servers::Lone(_) => {
                let one = |gate: &Gate| format!("redis://{account}{}", gate.address);
                self.gates.iter().map(one).collect::<Vec<_>>().join(",")
            }
            Servers::Guarded(guarded) => guarded.url(&account),
            Servers::Cluster(cluster) => cluster.url(&account),
        }
    }

    fn all(&self) -> &[Redis] {
        match &self.servers {
            Servers::Lone(servers) => servers,
            Servers::Guarded(guarded) => &guarded.servers,
            Servers::Cluster(cluster) => &cluster.servers,
        }
    }

    /// The server that the last fault befell.
    fn it(&mut self) -> &mut Redis {
        let servers = match &mut self.servers {
            Servers::Lone(servers) => servers,
            Servers::Guarded(guarded) => &mut guarded.servers,
            Servers::Cluster(cluster) => &mut cluster.servers,
        };
        &mut servers[self.struck]
    }

    /// Which server takes what is sent, of those that a step may mean.
    fn keeper(&self, at: usize) -> Option<usize> {
        match &self.servers {
            Servers::Lone(servers) => Some(at % servers.len()),
            Servers::Guarded(guarded) => guarded.primary(),
            Servers::Cluster(cluster) => cluster.primary(at % PARTS),
        }
    }

    /// Makes a fault of Redis.
    pub(crate) async fn make(&mut self, step: &Step) -> Result<(), String> {
        self.struck = self.keeper(step.at).ok_or("there is no primary")?;
        match step.fault {
            Fault::RedisKilled | Fault::RedisLost => self.it().kill(),
            Fault::RedisEmptied => {
                self.it().kill();
                let kept = self.it().folder.join(AOF);
                std::fs::remove_dir_all(kept).map_err(|e| e.to_string())?;
            }
            Fault::RedisRewound => {
                let folder = self.it().folder.join(AOF);
                copy(&folder, &kept(&folder))?;
            }
            Fault::RedisPaused => drop(self.it().tell("CLIENT PAUSE 3000 ALL")),
            // It answers when it is over, so that nobody waits for the answer.
            Fault::RedisSlept => {
                let mut socket = std::net::TcpStream::connect(self.it().at());
                if let Ok(socket) = &mut socket {
                    socket.write_all(b"DEBUG SLEEP 3\r\n").ok();
                }
                // Redis would not begin if it were closed before.
                self.sleeper = socket.ok();
            }
            Fault::Flushed => drop(self.it().tell("FLUSHALL")),
            Fault::RedisFull => drop(self.it().tell("CONFIG SET maxmemory 1")),
            Fault::Failover => {
                self.replication.set(|rules| rules.back = Pace::Stalls);
                sleep(step.lasts).await;
                self.it().kill();
                let lost = self.struck;
                self.until("somebody takes over", |ground| {
                    ground.keeper(step.at).is_some_and(|new| new != lost)
                })
                .await?;
            }
            Fault::SlotMoved => self.begin_to_shift(step.at),
            _ => {}
        }
        Ok(())
    }

    /// Closes all sockets of those who listen.
    pub(crate) fn kill_listeners(&self) {
        for server in self.all().iter().filter(|server| server.is_up()) {
            server.tell("CLIENT KILL TYPE pubsub");
        }
    }

    /// Mends what was made last.
    pub(crate) async fn mend(&mut self, fault: Fault) -> Result<(), String> {
        match fault {
            Fault::RedisKilled | Fault::RedisLost | Fault::RedisEmptied => self.it().rise(),
            Fault::RedisRewound => {
                self.it().kill();
                let folder = self.it().folder.join(AOF);
                std::fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
                std::fs::rename(kept(&folder), folder).map_err(|e| e.to_string())?;
                self.it().rise();
            }
            Fault::RedisFull => drop(self.it().tell("CONFIG SET maxmemory 0")),
            Fault::Failover => {
                self.replication.heal();
                self.it().rise();
            }
            Fault::SlotMoved => self.end_to_shift(),
            _ => {}
        }
        self.until("all servers are well", Self::is_whole).await
    }

    fn is_whole(&self) -> bool {
        match &self.servers {
            Servers::Lone(servers) => servers.iter().all(Redis::is_up),
            Servers::Guarded(guarded) => guarded.is_whole(),
            Servers::Cluster(cluster) => cluster.is_whole(),
        }
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !is_so(self) {
            if start.elapsed() > WHOLE {
                return Err(format!("waited in vain until {what}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn begin_to_shift(&mut self, at: usize) {
        let Servers::Cluster(cluster) = &self.servers else { return };
        let to = cluster.primary((at + 1) % PARTS);
        let slot = slots::in_use(cluster, self.struck);
        self.shifting = slot.zip(to);
        if let Some((slot, to)) = &self.shifting {
            slots::begin_to_shift(cluster, slot, self.struck, *to);
        }
    }

    fn end_to_shift(&mut self) {
        let Servers::Cluster(cluster) = &self.servers else { return };
        if let Some((slot, to)) = self.shifting.take() {
            slots::end_to_shift(cluster, &slot, self.struck, to);
        }
    }
}

/// Where what Redis has is kept for a while.
fn kept(folder: &Path) -> PathBuf {
    folder.with_extension("kept")
}

/// Copies files that are being written to, as a replica has them that is behind.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", from.display());
    std::fs::create_dir_all(to).map_err(told)?;
    for entry in std::fs::read_dir(from).map_err(told)? {
        let entry = entry.map_err(told)?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(told)?;
    }
    Ok(())
}
