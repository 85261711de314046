//! Node: one server under load, in a process of its own, or one that was given.
//!
//! It is this same program, run as `usher serve`, so that what is measured is what people run. What
//! protects a server from too many newcomers is turned up, since here they are meant.

use std::{
    env,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{ChildStderr, Command, Stdio},
};

use serde_json::Value;

use super::{children::Children, process::Process, redis::Redis, target::Target, tls::Certificate};
use crate::{
    failure::{Failure, Kind},
    out,
};

/// More than any load here brings, in a second.
const NO_LIMIT: &str = "1000000";

/// What a node is told besides where to listen. What the environment says otherwise wins.
const SETTINGS: [(&str, &str); 6] = [
    ("USHER_LIMITS__ADMISSIONS_PER_SECOND", NO_LIMIT),
    ("USHER_LIMITS__RESUMES_PER_SECOND", NO_LIMIT),
    ("USHER_LIMITS__FRAMES_PER_SECOND", "10000"),
    ("USHER_LIMITS__FRAMES_BURST", "100000"),
    ("USHER_DRAIN__WINDOW", "0s"),
    ("USHER_DRAIN__DELAY", "0s"),
];

/// What it logs: where it listens, and what goes wrong, but not each session.
const LOG: &str = "info,usher::log=off,usher::engine=off";

/// Settings of the log, which is read here.
const LOG_SETTINGS: &str = "USHER_LOG__";

/// Where it listens.
pub(super) const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How the line of its log begins that says where it listens.
const LISTENING: &str = "listening";

/// A server to measure.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) target: Target,
    /// Its process, if it is on this machine and known.
    pub(super) process: Option<Process>,
}

/// How a node is started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a str,
    pub(super) listen: SocketAddr,
    pub(super) shards: usize,
    pub(super) tls: bool,
    /// What it shares with others, if there are any.
    pub(super) redis: Option<&'a Redis>,
    pub(super) settings: &'a [(&'a str, &'a str)],
}

impl Start<'_> {
    /// Starts it, and waits until it listens.
    pub(super) fn node(&self, children: &Children) -> Result<Node, Failure> {
        let mut command = self.command()?;
        let tls = self.tls.then(|| Certificate::make(HOME.into())).transpose()?;
        if let Some((certificate, _)) = &tls {
            command.env("USHER_TLS__CERT_FILE", certificate.cert_file());
            command.env("USHER_TLS__KEY_FILE", certificate.key_file());
        }
        let (certificate, trust) = tls.unzip();
        if let Some(certificate) = certificate {
            children.at_the_end(move || drop(certificate));
        }
        let started = children.start(&mut command).map_err(Failure::failed)?;
        let log = started.err.map(BufReader::new);
        let mut log = log.ok_or_else(|| Failure::failed("the node has no log"))?;
        let address = listening(&mut log)?;
        // It is read on, so that the node never waits for this program.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(out::note));
        let target = Target { trust, ..Target::at(address, self.key) };
        Ok(Node { name: self.name.to_owned(), target, process: Some(started.process) })
    }

    fn command(&self) -> Result<Command, Failure> {
        let mut command = Command::new(env::current_exe().map_err(Failure::failed)?);
        for (name, _) in env::vars_os() {
            // What is meant for other servers; settings of a node are kept.
            let is_meant = |name: &str| name.contains("__") && !name.starts_with(LOG_SETTINGS);
            if name.to_str().is_some_and(|name| name.starts_with("USHER_") && !is_meant(name)) {
                command.env_remove(name);
            }
        }
        for (name, value) in SETTINGS.iter().chain(self.settings) {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if let Some(redis) = self.redis {
            command.env("USHER_ENGINE__URL", redis.url());
            command.env("USHER_ENGINE__PREFIX", redis.prefix());
            command.env("USHER_NODE__NAME", self.name);
            command.env("USHER_NODE__PUBLIC_URL", format!("ws://{}", self.listen));
        }
        command
            .args(["serve", "--listen", &self.listen.to_string()])
            .env("USHER_SHARDS", self.shards.to_string())
            .env("USHER_KEY", self.key)
            .env("USHER_LOG", LOG)
            .env("USHER_LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

/// Reads its log until it says where it listens.
fn listening(log: &mut BufReader<ChildStderr>) -> Result<SocketAddr, Failure> {
    let mut said = String::new();
    for line in log.lines() {
        let line = line.map_err(Failure::failed)?;
        if let Some(address) = address_in(&line) {
            return Ok(address);
        }
        said += &line;
        said.push('\n');
    }
    let text = format!("the node did not start:\n{}", said.trim_end());
    Err(Failure::new(Kind::Failed, text))
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    if !line["message"].as_str()?.starts_with(LISTENING) {
        return None;
    }
    line["address"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
