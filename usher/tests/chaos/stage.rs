//! Stage: nodes, their Redis, the ways between all of them, and the faults that befall them.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    fault::Fault,
    gate::{Gate, Ways},
    ground::Ground,
    log::{Log, Phase, What},
    node::{DRAIN, LEASE, Node, PING, PONG, WINDOW},
    plan::{NODES, Step},
    redis::free_address,
    shape::Shape,
    way::{Bell, Pace, Way},
    world::Place,
};

/// Resumes that a node takes in a second, for each core.
pub(crate) const RESUMES_PER_SECOND: u64 = 2_000;

/// All that a run needs.
#[derive(Debug)]
pub(crate) struct Stage {
    ground: Ground,
    nodes: Vec<Node>,
    /// By which way visitors come to each node, and each node to Redis.
    doors: Vec<Way>,
    engines: Vec<Way>,
    _gates: Vec<Gate>,
    log: Log,
}

/// What a stage is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    /// A bug that is in the nodes.
    pub(crate) planted: Option<&'a str>,
    /// What each node takes a second, for each core.
    pub(crate) resumes: u64,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn build(log: &Log, folder: &Path, terms: Terms<'_>) -> Result<Self, String> {
        let Terms { seed, shape, planted, resumes } = terms;
        let ways = || (0..NODES).map(|_| Way::new(seed)).collect::<Vec<_>>();
        let (doors, engines) = (ways(), ways());
        let names = (0..NODES).map(|n| format!("n{n}"));
        let ground =
            Ground::build(shape, names.zip(engines.iter().cloned()).collect(), seed).await?;
        let (mut nodes, mut gates) = (Vec::new(), Vec::new());
        for (n, door) in doors.iter().enumerate() {
            let address = free_address();
            let gate = Gate::before(address, Ways::One(door.clone())).await;
            let gate = gate.map_err(|e| e.to_string())?;
            let name = format!("n{n}");
            nodes.push(Node {
                address,
                public: gate.address,
                engine: ground.url(&name),
                output: folder.join(format!("{name}.log")),
                name,
                log: log.clone(),
                planted: planted.map(str::to_owned),
                resumes,
                child: None,
            });
            gates.push(gate);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        log.write(What::Terms {
            lease: ms(LEASE),
            window: ms(WINDOW),
            ping: ms(PING),
            pong: ms(PONG),
            drain: ms(DRAIN),
            resumes_per_second: resumes * cores,
            shape,
        });
        for node in &mut nodes {
            node.start()?;
        }
        for node in &mut nodes {
            node.ready().await?;
        }
        Ok(Self { ground, nodes, doors, engines, _gates: gates, log: log.clone() })
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        let place =
            |node: &Node| Place { name: node.name.clone(), api: node.address, door: node.public };
        self.nodes.iter().map(place).collect()
    }

    /// Kills the first node, and leaves it so.
    pub(crate) fn kill_first(&mut self) {
        self.nodes[0].kill();
    }

    /// Notes nodes that ended by themselves.
    pub(crate) fn look_after(&mut self) {
        for node in &mut self.nodes {
            node.look_after();
        }
    }

    fn phase(&self, step: &Step, phase: Phase) {
        let node = step.fault.is_of_node().then(|| format!("n{}", step.at));
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
        if step.fault.is_of_redis() {
            return self.ground.make(step).await;
        }
        let n = step.at;
        let (node, door) = (&mut self.nodes[n], &self.doors[n]);
        match step.fault {
            Fault::NodeKilled | Fault::NodeLost => node.kill(),
            Fault::NodeDrained => node.drain().await?,
            Fault::Rolling => {
                for node in &mut self.nodes {
                    node.drain().await?;
                }
            }
            Fault::NodePaused | Fault::NodeFrozen => node.signal("STOP"),
            Fault::DoorCut => door.cut(false),
            Fault::DoorReset => door.cut(true),
            Fault::DoorHalfOpen => {
                let before = door.next();
                door.set(|rules| rules.silent = Some((before, 3)));
            }
            Fault::DoorStalled => door.set(|rules| rules.back = Pace::Stalls),
            Fault::DoorFar => far(door, 100),
            Fault::RedisFar => far(&self.engines[n], 30),
            _ => self.make_on_the_way(step),
        }
        Ok(())
    }

    /// What befalls the way between a node and Redis.
    fn make_on_the_way(&self, step: &Step) {
        let way = &self.engines[step.at];
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
            let way = &self.engines[step.at];
            match step.fault {
                Fault::RedisReset => way.cut(true),
                Fault::ReplyDropped => {
                    way.set(|rules| rules.drops_reply = true);
                    sleep(Duration::from_millis(100)).await;
                    way.let_go();
                }
                _ => self.ground.kill_listeners(),
            }
            sleep(Duration::from_millis(900)).await;
        }
    }

    async fn mend(&mut self, step: &Step) -> Result<(), String> {
        if step.fault.is_of_redis() {
            return self.ground.mend(step.fault).await;
        }
        let n = step.at;
        match step.fault {
            Fault::NodeKilled | Fault::NodeLost => {
                self.nodes[n].start()?;
                self.nodes[n].ready().await?;
            }
            Fault::NodePaused | Fault::NodeFrozen => self.nodes[n].signal("CONT"),
            Fault::Partition | Fault::RequestsLost | Fault::RepliesLost | Fault::DoorHalfOpen => {
                self.doors[n].heal();
                self.engines[n].heal();
            }
            _ => {
                self.doors[n].let_go();
                self.engines[n].let_go();
            }
        }
        Ok(())
    }

    /// Waits until all nodes are ready, and lets everything pass.
    pub(crate) async fn heal(&mut self) -> Result<(), String> {
        for way in self.doors.iter().chain(&self.engines) {
            way.heal();
        }
        for node in &mut self.nodes {
            node.look_after();
            if node.child.is_none() {
                node.start()?;
            }
            node.ready().await?;
        }
        Ok(())
    }

    /// What nodes said that they must not say.
    pub(crate) fn cries(&self) {
        for node in &self.nodes {
            node.cries();
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
