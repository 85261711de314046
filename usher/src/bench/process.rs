//! Process: what the operating system says of one, by its files under `/proc`.

use std::{fs, io, iter::Sum, ops::Sub, time::Duration};

use protocol::limit;

use crate::failure::Failure;

/// The unit in which Linux tells a process's time to programs, on every machine.
const TICKS_PER_SECOND: u64 = 100;

/// A process on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(u32);

/// Time of a processor that a process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    /// In its own code.
    pub(super) user: Duration,
    /// In the operating system's.
    pub(super) system: Duration,
}

impl Cpu {
    pub(super) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sum for Cpu {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            user: sum.user + one.user,
            system: sum.system + one.system,
        })
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }
}

impl Process {
    /// The process with this id.
    pub(super) fn new(id: u32) -> Self {
        Self(id)
    }

    /// This one.
    pub(super) fn own() -> Self {
        Self(std::process::id())
    }

    /// What it has used so far.
    pub(super) fn cpu(self) -> Result<Cpu, Failure> {
        let stat = self.file("stat")?;
        cpu(&stat).ok_or_else(|| Failure::failed("this system does not tell a process's time"))
    }

    /// Its memory that is not swapped out and that it has touched.
    pub(super) fn resident_bytes(self) -> Result<u64, Failure> {
        let status = self.file("status")?;
        resident_bytes(&status)
            .ok_or_else(|| Failure::failed("this system does not tell a process's memory"))
    }

    /// How many descriptors it has open.
    pub(super) fn descriptors(self) -> Result<u64, Failure> {
        let listed = fs::read_dir(self.path("fd")).map_err(|error| self.gone(&error))?;
        Ok(u64::try_from(listed.count()).unwrap_or(u64::MAX))
    }

    fn path(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }

    fn file(self, name: &str) -> Result<String, Failure> {
        fs::read_to_string(self.path(name)).map_err(|error| self.gone(&error))
    }

    fn gone(self, error: &io::Error) -> Failure {
        Failure::failed(format!("process {} cannot be looked at: {error}", self.0))
    }
}

/// How many sockets this process can hold; as many as a node that it starts.
pub(super) fn sockets_max() -> Result<usize, Failure> {
    let (most, _) = rlimit::getrlimit(rlimit::Resource::NOFILE).map_err(Failure::failed)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(most.saturating_sub(limit::DESCRIPTORS_KEPT))
}

/// Whether it can hold so many.
pub(super) fn room_for(sockets: usize) -> Result<(), Failure> {
    let most = sockets_max()?;
    if sockets <= most {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{sockets} sockets are too many: descriptors of this process suffice for {most}; raise \
         the hard limit (`ulimit -Hn`), or give a smaller number"
    )))
}

/// The time of a processor that the calling thread has used.
pub(super) fn thread_cpu() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").map_err(Failure::failed)?;
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| Failure::failed("this system does not tell a thread's time"))
}

/// Fields 14 and 15 of `/proc/<id>/stat`. The second is a name in parentheses, in which anything
/// may stand.
fn cpu(stat: &str) -> Option<Cpu> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    };
    Some(Cpu { user: next()?, system: next()? })
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests;
