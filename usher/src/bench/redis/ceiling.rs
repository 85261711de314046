//! Ceiling: what this Redis does at most, by the tool that comes with it.
//!
//! No message can cost Redis less than the plainest of writes, or than a script that does one.

use std::{
    io::ErrorKind,
    process::{Command, Stdio},
};

use super::{Reading, Redis, line::Reply};
use crate::{bench::report::Figure, failure::Failure};

/// The tool.
const TOOL: &str = "redis-benchmark";

/// How often each command is done, and by how many at once.
const TIMES: u32 = 50_000;
const AT_ONCE: &str = "32";

/// The script that does one write.
const SCRIPT: &str = "return redis.call('SET', KEYS[1], ARGV[1])";

/// What one command costs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    per_second: f64,
    us_each: f64,
}

/// What the plainest commands cost, where the tool is there.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Ceiling {
    set: Option<Cost>,
    script: Option<Cost>,
}

impl Ceiling {
    /// Measures it with values of this size.
    pub(in super::super) fn measure(redis: &Redis, size: usize) -> Result<Self, Failure> {
        // A password would be seen by whoever lists processes.
        if redis.place.has_password() {
            return Ok(Self::default());
        }
        let key = format!("{}ceiling", redis.prefix());
        let value = "x".repeat(size);
        let Some(set) = cost(redis, &["SET", &key, &value])? else { return Ok(Self::default()) };
        let Reply::Text(hash) = redis.line()?.ask(&["SCRIPT", "LOAD", SCRIPT])? else {
            return Err(Failure::failed("Redis does not take a script"));
        };
        let script = cost(redis, &["EVALSHA", &hash, "1", &key, &value])?;
        Ok(Self { set: Some(set), script })
    }

    /// Why there is none.
    pub(in super::super) fn warning(&self) -> Option<String> {
        let missing = self.set.is_none();
        missing
            .then(|| format!("{TOOL} is not on the PATH, or wants a password: there is no ceiling"))
    }

    pub(in super::super) fn figures(&self) -> Vec<Figure> {
        let us = |cost: Option<Cost>| cost.map(|cost| cost.us_each);
        let per_second = |cost: Option<Cost>| cost.map(|cost| cost.per_second);
        vec![
            Figure::real("ceiling_set_us", "Redis CPU for a bare SET", us(self.set), " us"),
            Figure::real("ceiling_set_per_second", "of them a second", per_second(self.set), ""),
            Figure::real("ceiling_script_us", "for a script of one SET", us(self.script), " us"),
            Figure::real(
                "ceiling_script_per_second",
                "of these a second",
                per_second(self.script),
                "",
            ),
        ]
    }
}

fn cost(redis: &Redis, command: &[&str]) -> Result<Option<Cost>, Failure> {
    let (host, port) = redis.place.address();
    let before = redis.read()?;
    let mut tool = Command::new(TOOL);
    tool.args(["-h", host, "-p", port, "-n", &TIMES.to_string(), "-c", AT_ONCE, "--csv"]);
    let ended = tool.args(command).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let said = match ended {
        Ok(ended) => String::from_utf8_lossy(&ended.stdout).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::failed(error)),
    };
    let spent: Reading = redis.read()? - before;
    let us_each = spent.cpu.as_secs_f64() * 1e6 / f64::from(TIMES);
    Ok(per_second(&said).map(|per_second| Cost { per_second, us_each }))
}

/// In the last line, behind the command as it was given, how many there were in a second.
fn per_second(csv: &str) -> Option<f64> {
    let line = csv.lines().last()?;
    let mut fields = line.rsplit("\",\"");
    // Behind it come five latencies.
    fields.nth(6)?.parse().ok()
}

#[cfg(test)]
mod tests;
