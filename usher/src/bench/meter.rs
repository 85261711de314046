//! Meter: what both sides spend while something is measured.

use std::time::Duration;

use super::{
    load::Load,
    node::Node,
    process::{Cpu, Process},
    report::Figure,
};
use crate::failure::Failure;

/// The share of the time from which on the load has no reserve.
const BUSY_MAX: f64 = 0.9;

/// Readings at the start.
#[derive(Debug)]
pub(super) struct Meter {
    server: Option<(Process, Cpu)>,
    own: Cpu,
    at: Duration,
    idle: Duration,
}

/// What was spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// By the clock on the wall.
    pub(super) wall: Duration,
    /// By the server, where its process can be looked at.
    pub(super) server: Option<Cpu>,
    own: Cpu,
    idle: Duration,
}

impl Meter {
    /// Takes the readings.
    pub(super) fn start(node: &Node, load: &Load) -> Result<Self, Failure> {
        let server = node.process.map(|process| Ok::<_, Failure>((process, process.cpu()?)));
        Ok(Self {
            server: server.transpose()?,
            own: Process::own().cpu()?,
            at: load.now(),
            idle: load.idle(),
        })
    }

    /// Takes them again.
    pub(super) fn stop(self, load: &Load) -> Result<Spent, Failure> {
        let server = self.server.map(|(process, before)| Ok::<_, Failure>(process.cpu()? - before));
        Ok(Spent {
            wall: load.now() - self.at,
            server: server.transpose()?,
            own: Process::own().cpu()? - self.own,
            idle: load.idle() - self.idle,
        })
    }
}

impl Spent {
    /// Microseconds of the server's processors for each of `count`.
    pub(super) fn server_us_each(&self, count: u64) -> Option<f64> {
        let total = self.server?.total().as_secs_f64();
        (count > 0).then(|| total * 1e6 / count as f64)
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
        vec![
            Figure::real("seconds", "time", self.wall.as_secs_f64(), " s"),
            Figure::real("server_cpu_user_s", "server CPU, user", server(|cpu| cpu.user), " s"),
            Figure::real("server_cpu_system_s", "server CPU, sys", server(|cpu| cpu.system), " s"),
            Figure::real("load_cpu_s", "load CPU", self.own.total().as_secs_f64(), " s"),
            Figure::real("load_busy_percent", "load busy", self.busy() * 100.0, " %"),
        ]
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
