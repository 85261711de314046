//! Meter: what both sides spend while something is measured.

use std::time::Duration;

use serde_json::json;

use super::{
    fleet::Fleet,
    load::Load,
    node::Node,
    process::{Cpu, Process},
    redis::Reading,
    report::Figure,
    rest::Rest,
};
use crate::failure::Failure;

/// The share of the time from which on the load has no reserve.
const BUSY_MAX: f64 = 0.9;

const MIB: f64 = 1024.0 * 1024.0;

/// Readings at the start.
#[derive(Debug)]
pub(super) struct Meter<'f> {
    fleet: &'f Fleet,
    nodes: Option<Vec<Cpu>>,
    redis: Option<Reading>,
    own: Cpu,
    at: Duration,
    idle: Duration,
}

/// What was spent.
#[derive(Debug, Clone)]
pub(super) struct Spent {
    /// By the clock on the wall.
    pub(super) wall: Duration,
    /// By the servers, where their processes can be looked at.
    pub(super) server: Option<Cpu>,
    /// By the Redis that they share.
    pub(super) redis: Option<Duration>,
    /// Of several nodes: by each, and what it holds.
    nodes: Vec<Share>,
    own: Cpu,
    idle: Duration,
}

/// What one of several nodes did, and holds at the end.
#[derive(Debug, Clone)]
struct Share {
    node: String,
    cpu: Cpu,
    resident_bytes: u64,
}

impl<'f> Meter<'f> {
    /// Takes the readings.
    pub(super) fn start(fleet: &'f Fleet, load: &Load) -> Result<Self, Failure> {
        Ok(Self {
            fleet,
            nodes: cpu(fleet)?,
            redis: fleet.redis.as_ref().map(|redis| redis.read()).transpose()?,
            own: Process::own().cpu()?,
            at: load.now(),
            idle: load.idle(),
        })
    }

    /// Takes them again.
    pub(super) fn stop(self, load: &Load) -> Result<Spent, Failure> {
        let wall = load.now() - self.at;
        let after = cpu(self.fleet)?;
        let redis = self.fleet.redis.as_ref().map(|redis| redis.read()).transpose()?;
        let spent: Option<Vec<Cpu>> = after.zip(self.nodes).map(|(after, before)| {
            after.into_iter().zip(before).map(|(after, before)| after - before).collect()
        });
        Ok(Spent {
            wall,
            server: spent.as_ref().map(|nodes| nodes.iter().copied().sum()),
            nodes: shares(self.fleet, spent.unwrap_or_default())?,
            redis: redis.zip(self.redis).map(|(after, before)| (after - before).cpu),
            own: Process::own().cpu()? - self.own,
            idle: load.idle() - self.idle,
        })
    }
}

/// What each server has used so far, if their processes are known.
fn cpu(fleet: &Fleet) -> Result<Option<Vec<Cpu>>, Failure> {
    let each = fleet.processes().map(|all| all.into_iter().map(Process::cpu).collect());
    each.transpose()
}

/// The same of several nodes, with their names and what they hold.
fn shares(fleet: &Fleet, spent: Vec<Cpu>) -> Result<Vec<Share>, Failure> {
    if !fleet.is_several() {
        return Ok(Vec::new());
    }
    let processes = fleet.processes().unwrap_or_default();
    let share = |((node, cpu), process): ((&Node, Cpu), Process)| {
        let resident_bytes = process.resident_bytes()?;
        Ok(Share { node: node.name.clone(), cpu, resident_bytes })
    };
    fleet.nodes.iter().zip(spent).zip(processes).map(share).collect()
}

impl Spent {
    /// Microseconds of the server's processors for each of `count`.
    pub(super) fn server_us_each(&self, count: u64) -> Option<f64> {
        let total = self.server?.total().as_secs_f64();
        (count > 0).then(|| total * 1e6 / count as f64)
    }

    /// Microseconds of Redis for each of `count`: all that it did meanwhile, and the same without
    /// what it does at rest.
    pub(super) fn redis_each(&self, count: u64, rest: Option<Rest>) -> Vec<Figure> {
        let Some(all) = self.redis.filter(|_| count > 0) else { return Vec::new() };
        let us = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        let beyond = rest.map(|rest| us(all.saturating_sub(rest.within(self.wall))));
        vec![
            Figure::real("redis_us_each", "Redis CPU for each", us(all), " us"),
            Figure::real("redis_us_each_beyond_rest", "without leases", beyond, " us"),
        ]
    }

    /// How many of `count` in a second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The share of the time in which the load had something to do.
    fn busy(&self) -> f64 {
        1.0 - self.idle.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// What is the same for whatever is measured.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let server = |part: fn(Cpu) -> Duration| self.server.map(|cpu| part(cpu).as_secs_f64());
        let mut figures = vec![
            Figure::real("seconds", "time", self.wall.as_secs_f64(), " s"),
            Figure::real("server_cpu_user_s", "server CPU, user", server(|cpu| cpu.user), " s"),
            Figure::real("server_cpu_system_s", "server CPU, sys", server(|cpu| cpu.system), " s"),
            Figure::real("load_cpu_s", "load CPU", self.own.total().as_secs_f64(), " s"),
            Figure::real("load_busy_percent", "load busy", self.busy() * 100.0, " %"),
        ];
        if let Some(redis) = self.redis.map(|cpu| cpu.as_secs_f64()) {
            let percent = redis * 100.0 / self.wall.as_secs_f64().max(f64::MIN_POSITIVE);
            figures.extend([
                Figure::real("redis_cpu_s", "Redis CPU", redis, " s"),
                Figure::real("redis_busy_percent", "Redis busy", percent, " %"),
            ]);
        }
        let most = |of: fn(&Share) -> f64| self.nodes.iter().map(of).fold(0.0, f64::max);
        if !self.nodes.is_empty() {
            let each = self.nodes.iter().map(|share| {
                let cpu_s = share.cpu.total().as_secs_f64();
                json!({"node": share.node, "cpu_s": cpu_s, "rss_bytes": share.resident_bytes})
            });
            let cpu_s = most(|share| share.cpu.total().as_secs_f64());
            let mib = most(|share| share.resident_bytes as f64 / MIB);
            figures.extend([
                Figure::real("node_cpu_max_s", "CPU of a node, at most", cpu_s, " s"),
                Figure::real("node_rss_max_mib", "resident of a node, at most", mib, " MiB"),
                Figure::series("nodes", each.collect()),
            ]);
        }
        figures
    }

    /// What to beware of.
    pub(super) fn warning(&self) -> Option<String> {
        (self.busy() >= BUSY_MAX).then(|| {
            format!(
                "the load side was busy {:.0} % of the time: it is the bottleneck, and the server may be able to do more",
                self.busy() * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests;
