//! Process: what the operating system says of this one.
//!
//! Read from `/proc`, where there is one; what cannot be read is not known, and that is no error.
//! Counting descriptors takes a while when there are many, so this is not for a thread that serves.

use std::fs;

/// Ticks of `/proc/self/stat` in a second; on Linux the same for every machine that it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the operating system says of this process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Process {
    /// Processor time so far, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    /// Memory that is in use, in bytes.
    pub(crate) resident_bytes: Option<u64>,
    /// Descriptors that are open.
    pub(crate) open_fds: Option<u64>,
    /// Descriptors that may be open.
    pub(crate) max_fds: Option<u64>,
}

impl Process {
    /// Asks for all of it.
    pub(crate) fn look() -> Self {
        let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
        Self {
            cpu_seconds: text("stat").as_deref().and_then(cpu_seconds),
            resident_bytes: text("status").as_deref().and_then(resident_bytes),
            // The listing itself is one of them.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64 - 1),
            max_fds: text("limits").as_deref().and_then(max_fds),
        }
    }
}

/// proc(5): `utime` and `stime` are the 14th and 15th field; the second may have spaces, in brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
