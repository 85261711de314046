//! Memory: how much there is for this process.
//!
//! The machine's, or what its control group or the process itself may use, where that is less.

use std::fs;

/// Where Linux tells the limits of a process's control group, in its second and first form.
const GROUP_LIMITS: [&str; 2] =
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// What is taken to be there where nobody tells.
const UNKNOWN: u64 = 1 << 30;

/// Bytes of memory that this process may use.
pub(crate) fn bytes() -> usize {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let group = GROUP_LIMITS.iter().filter_map(|path| {
        // "max" is no number, and no limit.
        fs::read_to_string(path).ok()?.trim().parse().ok()
    });
    let own = fs::read_to_string("/proc/self/limits").ok().and_then(|text| address_space(&text));
    let least = machine.into_iter().chain(group).chain(own).min().unwrap_or(UNKNOWN);
    usize::try_from(least).unwrap_or(usize::MAX)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The soft limit; "unlimited" is no number, and no limit.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
