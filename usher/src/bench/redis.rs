//! Redis: the one that the nodes share, started for the measurement or given, and what it says of
//! itself.
//!
//! It is asked over a socket of its own each time, a few times in a measurement. What is counted is
//! counted by Redis: time of its process by its own account, commands by their names. How often a
//! message asks it is seen by listening to what it does.

mod ceiling;
mod monitor;
mod line;

use std::{
    env, fs,
    io::{BufRead, BufReader, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Sub,
    process::{Command, Stdio},
    time::Duration,
};

use server::random;

use self::line::{Line, Place, Reply};
pub(super) use self::{ceiling::Ceiling, monitor::Monitor};
use super::{children::Children, process::Process, report::Figure};
use crate::failure::{Failure, Kind};

/// What it says when it can be used.
const READY: &str = "Ready to accept connections";

/// Keys that one look for those of a prefix passes.
const KEYS_PER_LOOK: &str = "1000";

/// A Redis that nodes share.
#[derive(Debug)]
pub(super) struct Redis {
    place: Place,
    /// What the keys of this measurement begin with.
    prefix: String,
    /// Its process, where it was started here.
    process: Option<Process>,
}

/// Keys of a Redis that somebody gave, which end with the measurement.
#[derive(Debug)]
pub(super) struct Keys {
    place: Place,
    prefix: String,
}

/// What Redis says of itself at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) cpu: Duration,
    pub(super) used_bytes: u64,
}

impl Sub for Reading {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let used_bytes = self.used_bytes.saturating_sub(before.used_bytes);
        Self { cpu: self.cpu.saturating_sub(before.cpu), used_bytes }
    }
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub(super) fn start(children: &Children) -> Result<Self, Failure> {
        let address = free_address()?;
        let folder = env::temp_dir().join(format!("usher-redis-{:032x}", random::bits()));
        fs::create_dir(&folder).map_err(Failure::failed)?;
        let made = folder.clone();
        children.at_the_end(move || drop(fs::remove_dir_all(made)));
        let mut command = Command::new("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.arg("--dir").arg(&folder).args(["--save", "", "--appendonly", "no"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = children.start(&mut command).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::failed(
                "redis-server is not on the PATH: install it, or give a Redis by --engine redis://host:port",
            ),
            _ => Failure::failed(format!("redis-server does not start: {error}")),
        })?;
        let out = started.out.ok_or_else(|| Failure::failed("redis-server has no log"))?;
        let (mut log, mut said) = (BufReader::new(out), String::new());
        while !said.contains(READY) {
            if log.read_line(&mut said).map_err(Failure::failed)? == 0 {
                return Err(Failure::failed(format!("redis-server ended:\n{}", said.trim_end())));
            }
        }
        // It is read on, so that Redis never waits for this program.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        let place = Place::plain(address);
        Ok(Self { place, prefix: prefix(), process: Some(started.process) })
    }

    /// One that is there. What the nodes keep in it is removed at the end.
    pub(super) fn given(url: &str, children: &Children) -> Result<Self, Failure> {
        let this = Self { place: Place::parse(url)?, prefix: prefix(), process: None };
        this.line()?;
        let keys = Keys { place: this.place.clone(), prefix: this.prefix.clone() };
        children.at_the_end(move || keys.remove());
        Ok(this)
    }

    /// How nodes reach it.
    pub(super) fn url(&self) -> String {
        self.place.url()
    }

    /// What their keys begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What it says of itself now.
    pub(super) fn read(&self) -> Result<Reading, Failure> {
        let mut line = self.line()?;
        let text = line.text(&["INFO", "cpu"])? + &line.text(&["INFO", "memory"])?;
        let real = |name| field(&text, name).and_then(|value| value.parse::<f64>().ok());
        let (user, system) = (real("used_cpu_user"), real("used_cpu_sys"));
        let used_bytes = field(&text, "used_memory").and_then(|value| value.parse().ok());
        let (Some(user), Some(system), Some(used_bytes)) = (user, system, used_bytes) else {
            return Err(Failure::failed("Redis does not tell its time and memory"));
        };
        Ok(Reading { cpu: Duration::from_secs_f64(user + system), used_bytes })
    }

    /// What a reader of the figures should know of it.
    pub(super) fn figures(&self) -> Result<Vec<Figure>, Failure> {
        let text = self.line()?.text(&["INFO", "server"])?;
        let version = field(&text, "redis_version").unwrap_or("unknown");
        let whose = if self.process.is_some() { "own" } else { "given" };
        Ok(vec![
            Figure::word("redis", "Redis", whose),
            Figure::word("redis_version", "its version", version),
        ])
    }

    fn line(&self) -> Result<Line, Failure> {
        Line::open(&self.place)
    }
}

impl Keys {
    /// Removes them. If Redis has gone, so have they.
    pub(super) fn remove(&self) {
        self.try_to().ok();
    }

    fn try_to(&self) -> Result<(), Failure> {
        let mut line = Line::open(&self.place)?;
        let (pattern, mut cursor) = (format!("{}*", self.prefix), "0".to_owned());
        loop {
            let look = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", KEYS_PER_LOOK];
            let Reply::List(parts) = line.ask(&look)? else { return Ok(()) };
            let [Reply::Text(next), Reply::List(keys)] = &parts[..] else { return Ok(()) };
            let keys = keys.iter().filter_map(Reply::text);
            let words: Vec<&str> = std::iter::once("UNLINK").chain(keys).collect();
            if words.len() > 1 {
                line.ask(&words)?;
            }
            if next == "0" {
                return Ok(());
            }
            cursor.clone_from(next);
        }
    }
}

/// An address of this machine at which nobody listens.
pub(super) fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(Failure::failed)
}

/// One that nobody else has, and without a word that is looked for in what Redis does.
fn prefix() -> String {
    format!("measured-{:08x}:", random::bits() >> 96)
}

/// What `INFO` says of something.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn unreachable(place: &Place, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Unreachable, format!("Redis at {place} cannot be asked: {error}"))
}

#[cfg(test)]
mod tests;
