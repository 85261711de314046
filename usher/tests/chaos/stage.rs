//! Stage: nodes, a Redis, the ways between them, and the faults that befall them.

use std::{
    fs::OpenOptions,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    caller::{Caller, KEY},
    fault::Fault,
    log::{Log, Phase, What},
    plan::{NODES, Step},
    program::{plain, usher},
    redis::{Redis, free_address},
    way::{Bell, Pace, Way},
    world::Place,
};

/// How long a node may take to be ready.
const START: Duration = Duration::from_secs(60);

/// Time after SIGTERM until a node has to be gone: delay, window, and some for the machine.
const DRAIN: Duration = Duration::from_secs(3);
const EXIT: Duration = Duration::from_secs(20);

/// The lease of these nodes, the window, and when they ping: what `Terms` tells the checker.
pub(crate) const LEASE: Duration = Duration::from_secs(5);
pub(crate) const WINDOW: Duration = Duration::from_secs(20);
pub(crate) const PING: Duration = Duration::from_secs(2);
pub(crate) const PONG: Duration = Duration::from_secs(2);
pub(crate) const RESUMES_PER_SECOND: u64 = 2_000;

/// A node, whether it runs or not.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Where visitors come, and how it reaches Redis.
    pub(crate) door: Way,
    pub(crate) engine: Way,
    output: PathBuf,
    child: Option<Child>,
}

/// All that a run needs.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) redis: Redis,
    pub(crate) nodes: Vec<Node>,
    log: Log,
    planted: Option<String>,
    /// What each node takes a second, for each core.
    resumes: u64,
    sleeper: Option<std::net::TcpStream>,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn build(
        log: &Log,
        folder: &Path,
        seed: u64,
        planted: Option<&str>,
        resumes: u64,
    ) -> Result<Self, String> {
        let settings = [
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--enable-debug-command",
            "yes",
            "--maxmemory-policy",
            "noeviction",
        ];
        let redis = Redis::start(&settings);
        let at: SocketAddr =
            redis.at().parse().map_err(|e| format!("Redis has no address: {e}"))?;
        let mut nodes = Vec::new();
        for n in 0..NODES {
            let address = free_address();
            let way = |far| Way::to(far, seed);
            let (door, engine) = (way(address).await, way(at).await);
            nodes.push(Node {
                name: format!("n{n}"),
                address,
                door: door.map_err(|e| e.to_string())?,
                engine: engine.map_err(|e| e.to_string())?,
                output: folder.join(format!("n{n}.log")),
                child: None,
            });
        }
        let planted = planted.map(str::to_owned);
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let mut stage = Self { redis, nodes, log: log.clone(), planted, resumes, sleeper: None };
        log.write(What::Terms {
            lease: ms(LEASE),
            window: ms(WINDOW),
            ping: ms(PING),
            pong: ms(PONG),
            drain: ms(DRAIN),
            resumes_per_second: resumes * cores,
        });
        for n in 0..NODES {
            stage.start(n)?;
        }
        for n in 0..NODES {
            stage.ready(n).await?;
        }
        Ok(stage)
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        let place = |node: &Node| Place {
            name: node.name.clone(),
            api: node.address,
            door: node.door.address,
        };
        self.nodes.iter().map(place).collect()
    }

    /// Starts a node; does not wait until it is ready.
    fn start(&mut self, n: usize) -> Result<(), String> {
        let node = &mut self.nodes[n];
        let told = |e: std::io::Error| format!("{}: {e}", node.output.display());
        let output = OpenOptions::new().create(true).append(true).open(&node.output);
        let output = output.map_err(told)?;
        let errors = output.try_clone().map_err(told)?;
        let mut command = usher(&["serve"]);
        let second = |time: Duration| format!("{}ms", time.as_millis());
        plain(&mut command)
            .env("USHER_KEY", KEY)
            .env("USHER_LISTEN", node.address.to_string())
            .env("USHER_NODE__NAME", &node.name)
            .env("USHER_NODE__PUBLIC_URL", format!("ws://{}", node.door.address))
            .env("USHER_ENGINE__URL", format!("redis://{}", node.engine.address))
            .env("USHER_ENGINE__LEASE", second(LEASE))
            .env("USHER_SESSION__RESUME_WINDOW", second(WINDOW))
            .env("USHER_SESSION__PING", second(PING))
            .env("USHER_SESSION__PONG_WAIT", second(PONG))
            .env("USHER_DRAIN__DELAY", "1s")
            .env("USHER_DRAIN__WINDOW", "2s")
            .env("USHER_LIMITS__FAILED_HANDSHAKES_PER_SECOND", "10000")
            .env("USHER_LIMITS__FAILED_HANDSHAKES_BURST", "10000")
            .env("USHER_LIMITS__RESUMES_PER_SECOND", self.resumes.to_string())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        if let Some(planted) = &self.planted {
            command.env("USHER_PLANTED", planted);
        }
        let child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        node.child = Some(child);
        self.log.write(What::Started { node: node.name.clone() });
        Ok(())
    }

    /// Waits until a node is ready.
    async fn ready(&mut self, n: usize) -> Result<(), String> {
        let caller = Caller::new();
        let start = Instant::now();
        loop {
            let node = &mut self.nodes[n];
            let none = serde_json::Value::Null;
            if let Ok((200, _)) = caller.ask(node.address, "GET", "/readyz", &none).await {
                self.log.write(What::Ready { node: node.name.clone() });
                return Ok(());
            }
            let ended = node.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                // It found no Redis when it started, and is started again, as a supervisor does.
                let is_start = status.code() == Some(1);
                self.exited(n, status.code(), is_start);
                sleep(Duration::from_millis(300)).await;
                self.start(n)?;
            }
            if start.elapsed() > START {
                return Err(format!("n{n} is not ready after {START:?}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn exited(&mut self, n: usize, code: Option<i32>, ours: bool) {
        let node = &mut self.nodes[n];
        node.child = None;
        self.log.write(What::Exited { node: node.name.clone(), code, ours });
    }

    fn signal(&self, n: usize, name: &str) {
        if let Some(child) = &self.nodes[n].child {
            let id = child.id().to_string();
            let mut kill = std::process::Command::new("kill");
            kill.args([&format!("-{name}"), &id]).stderr(Stdio::null()).status().ok();
        }
    }

    fn kill(&mut self, n: usize) {
        self.look_after();
        if let Some(mut child) = self.nodes[n].child.take() {
            child.kill().ok();
            let status = child.wait().ok();
            self.exited(n, status.and_then(|status| status.code()), true);
        }
    }

    /// Kills the first node, and leaves it so.
    pub(crate) fn kill_first(&mut self) {
        self.kill(0);
    }

    /// Asks a node to go away, waits until it is gone, and starts it again.
    async fn drain(&mut self, n: usize) -> Result<(), String> {
        self.log.write(What::Told { node: self.nodes[n].name.clone() });
        self.signal(n, "TERM");
        let start = Instant::now();
        while let Some(child) = &mut self.nodes[n].child {
            match child.try_wait() {
                Ok(None) if start.elapsed() < EXIT => sleep(Duration::from_millis(20)).await,
                Ok(None) | Err(_) => self.kill(n),
                Ok(Some(status)) => self.exited(n, status.code(), status.code() == Some(0)),
            }
        }
        self.start(n)?;
        self.ready(n).await
    }

    /// Notes nodes that ended by themselves.
    pub(crate) fn look_after(&mut self) {
        for n in 0..self.nodes.len() {
            let child = self.nodes[n].child.as_mut();
            let ended = child.and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                self.exited(n, status.code(), false);
            }
        }
    }

    fn phase(&self, step: &Step, phase: Phase) {
        let node = step.fault.is_of_node().then(|| format!("n{}", step.node));
        self.log.write(What::Fault { fault: step.fault.name(), node, phase });
    }

    /// Makes a fault, lets it last, and mends it.
    pub(crate) async fn suffer(&mut self, step: &Step) -> Result<(), String> {
        self.phase(step, Phase::Begins);
        self.make(step).await?;
        self.phase(step, Phase::Holds);
        match step.fault {
            Fault::RedisReset | Fault::ReplyDropped | Fault::ListenersKilled => {
                self.repeat(step).await;
            }
            _ => sleep(step.lasts).await,
        }
        self.phase(step, Phase::Mends);
        self.mend(step).await?;
        self.phase(step, Phase::Over);
        self.look_after();
        Ok(())
    }

    async fn make(&mut self, step: &Step) -> Result<(), String> {
        let n = step.node;
        match step.fault {
            Fault::NodeKilled | Fault::NodeLost => self.kill(n),
            Fault::NodeDrained => self.drain(n).await?,
            Fault::Rolling => {
                for n in 0..NODES {
                    self.drain(n).await?;
                }
            }
            Fault::NodePaused | Fault::NodeFrozen => self.signal(n, "STOP"),
            Fault::RedisKilled => self.redis.kill(),
            Fault::RedisEmptied => {
                self.redis.kill();
                let folder = &self.redis.folder;
                std::fs::remove_dir_all(folder).map_err(|e| e.to_string())?;
                std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
            }
            Fault::RedisRewound => copy(&self.redis.folder, &kept(&self.redis.folder))?,
            Fault::RedisPaused => drop(self.redis.tell("CLIENT PAUSE 3000 ALL")),
            // It answers when it is over, so that nobody waits for the answer.
            Fault::RedisSlept => {
                let mut socket = std::net::TcpStream::connect(self.redis.at());
                if let Ok(socket) = &mut socket {
                    socket.write_all(b"DEBUG SLEEP 3\r\n").ok();
                }
                // Redis would not begin if it were closed before.
                self.sleeper = socket.ok();
            }
            Fault::Flushed => drop(self.redis.tell("FLUSHALL")),
            Fault::RedisFull => drop(self.redis.tell("CONFIG SET maxmemory 1")),
            Fault::DoorCut => self.nodes[n].door.cut(false),
            Fault::DoorReset => self.nodes[n].door.cut(true),
            Fault::DoorHalfOpen => {
                let door = &self.nodes[n].door;
                let before = door.next();
                door.set(|rules| rules.silent = Some((before, 3)));
            }
            Fault::DoorStalled => self.nodes[n].door.set(|rules| rules.back = Pace::Stalls),
            Fault::DoorFar => far(&self.nodes[n].door, 100),
            Fault::RedisFar => far(&self.nodes[n].engine, 30),
            _ => self.make_on_the_way(step),
        }
        Ok(())
    }

    /// What befalls the way between a node and Redis.
    fn make_on_the_way(&self, step: &Step) {
        let way = &self.nodes[step.node].engine;
        match step.fault {
            Fault::Partition => {
                way.set(|rules| (rules.there, rules.back) = (Pace::Stalls, Pace::Stalls));
            }
            Fault::RepliesLost => way.set(|rules| rules.back = Pace::Stalls),
            Fault::RequestsLost => way.set(|rules| rules.there = Pace::Stalls),
            Fault::RedisRefused => {
                way.set(|rules| rules.refuses = true);
                way.cut(true);
            }
            Fault::BellsSilent => way.set(|rules| rules.bell = Bell::Silent),
            Fault::BellMissed => way.set(|rules| rules.bell = Bell::Misses(1)),
            _ => {}
        }
    }

    /// Does something again and again, for as long as it lasts.
    async fn repeat(&mut self, step: &Step) {
        let end = Instant::now() + step.lasts;
        while Instant::now() < end {
            let way = &self.nodes[step.node].engine;
            match step.fault {
                Fault::RedisReset => way.cut(true),
                Fault::ReplyDropped => {
                    way.set(|rules| rules.drops_reply = true);
                    sleep(Duration::from_millis(100)).await;
                    way.let_go();
                }
                _ => drop(self.redis.tell("CLIENT KILL TYPE pubsub")),
            }
            sleep(Duration::from_millis(900)).await;
        }
    }

    async fn mend(&mut self, step: &Step) -> Result<(), String> {
        let n = step.node;
        match step.fault {
            Fault::NodeKilled | Fault::NodeLost => {
                self.start(n)?;
                self.ready(n).await?;
            }
            Fault::NodePaused | Fault::NodeFrozen => self.signal(n, "CONT"),
            Fault::RedisKilled | Fault::RedisEmptied => self.redis.rise(),
            Fault::RedisRewound => {
                self.redis.kill();
                let folder = &self.redis.folder;
                std::fs::remove_dir_all(folder).map_err(|e| e.to_string())?;
                std::fs::rename(kept(folder), folder).map_err(|e| e.to_string())?;
                self.redis.rise();
            }
            Fault::RedisFull => drop(self.redis.tell("CONFIG SET maxmemory 0")),
            Fault::Partition | Fault::RequestsLost | Fault::RepliesLost | Fault::DoorHalfOpen => {
                self.nodes[n].door.heal();
                self.nodes[n].engine.heal();
            }
            _ => {
                self.nodes[n].door.let_go();
                self.nodes[n].engine.let_go();
            }
        }
        Ok(())
    }

    /// Waits until all nodes are ready, and lets everything pass.
    pub(crate) async fn heal(&mut self) -> Result<(), String> {
        for node in &self.nodes {
            node.door.heal();
            node.engine.heal();
        }
        for n in 0..NODES {
            self.look_after();
            if self.nodes[n].child.is_none() {
                self.start(n)?;
            }
            self.ready(n).await?;
        }
        Ok(())
    }

    /// What nodes said that they must not say.
    pub(crate) fn cries(&self) {
        for node in &self.nodes {
            let Ok(said) = std::fs::read(&node.output) else { continue };
            let said = String::from_utf8_lossy(&said);
            let is_cry = |line: &&str| line.contains("panicked at");
            for line in said.lines().filter(is_cry) {
                let (node, line) = (node.name.clone(), line.chars().take(500).collect());
                self.log.write(What::Cried { node, line });
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn far(way: &Way, latency_ms: u64) {
    let latency = Duration::from_millis(latency_ms);
    way.set(|rules| (rules.latency, rules.jitter) = (latency, latency));
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("it is short")
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
        let target = to.join(entry.file_name());
        match entry.file_type().map_err(told)?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => _ = std::fs::copy(entry.path(), target).map_err(told)?,
        }
    }
    Ok(())
}
