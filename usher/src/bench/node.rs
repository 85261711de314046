//! Node: the server under load, in a process of its own, or one that was given.
//!
//! It is this same program, run as `usher serve`, so that what is measured is what people run. What
//! protects a server from too many newcomers is turned up, since here they are meant.

use std::{
    env,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use server::random;
use tokio::runtime::{Builder, Runtime};

use super::{process::Process, report::Figure, target::Target, tls::Certificate};
use crate::{
    args::bench::Place,
    failure::{Failure, Kind},
    out,
    serve::Stop,
};

/// More than any load here brings, in a second.
const NO_LIMIT: &str = "1000000";

/// What the node is told besides where to listen. What the environment says otherwise wins.
const SETTINGS: [(&str, &str); 6] = [
    ("USHER_LIMITS__ADMISSIONS_PER_SECOND", NO_LIMIT),
    ("USHER_LIMITS__RESUMES_PER_SECOND", NO_LIMIT),
    ("USHER_LIMITS__FRAMES_PER_SECOND", "10000"),
    ("USHER_LIMITS__FRAMES_BURST", "100000"),
    ("USHER_DRAIN__WINDOW", "0s"),
    ("USHER_DRAIN__DELAY", "0s"),
];

/// What it logs: where it listens, and what goes wrong, but not each session.
const LOG: &str = "info,usher::log=off";

/// Settings of the log, which is read here.
const LOG_SETTINGS: &str = "USHER_LOG__";

/// Where it listens.
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How the line of its log begins that says where it listens.
const LISTENING: &str = "listening";

/// Exit code of who was told to stop.
const INTERRUPTED: i32 = 130;

/// A server to measure.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) target: Target,
    /// Its process, if it is on this machine and known.
    pub(super) process: Option<Process>,
    own: Option<Own>,
}

/// A node that was started here, and ends with this.
#[derive(Debug)]
struct Own {
    started: Arc<Mutex<Started>>,
    shards: usize,
}

/// What must not be left behind.
#[derive(Debug)]
struct Started {
    child: Child,
    certificate: Option<Certificate>,
}

impl Started {
    /// It keeps nothing that is worth a graceful stop.
    fn end(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        self.certificate = None;
    }
}

impl Node {
    /// The given server, or one that is started.
    pub(super) fn of(place: &Place) -> Result<Self, Failure> {
        Self::with(place, &[])
    }

    /// The same; one that is started is told this as well.
    pub(super) fn with(place: &Place, settings: &[(&str, &str)]) -> Result<Self, Failure> {
        match &place.server {
            Some(url) => {
                let target = Target::given(url, &place.key()?)?;
                Ok(Self { target, process: place.pid.map(Process::new), own: None })
            }
            None => Self::start(place.shards().unwrap_or_else(spare_cores), place.tls, settings),
        }
    }

    fn start(shards: usize, tls: bool, settings: &[(&str, &str)]) -> Result<Self, Failure> {
        let key = format!("{:032x}", random::bits());
        let mut command = Command::new(env::current_exe().map_err(Failure::failed)?);
        for (name, _) in env::vars_os() {
            // What is meant for other servers; settings of a node are kept.
            let is_meant = |name: &str| name.contains("__") && !name.starts_with(LOG_SETTINGS);
            if name.to_str().is_some_and(|name| name.starts_with("USHER_") && !is_meant(name)) {
                command.env_remove(name);
            }
        }
        for (name, value) in SETTINGS.iter().chain(settings) {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let tls = tls.then(|| Certificate::make(HOME.into())).transpose()?;
        if let Some((certificate, _)) = &tls {
            command.env("USHER_TLS__CERT_FILE", certificate.cert_file());
            command.env("USHER_TLS__KEY_FILE", certificate.key_file());
        }
        let (certificate, trust) = tls.unzip();
        // From here on whoever is told to stop ends the node first, also one that is not there yet.
        let watch = Watch::begin()?;
        let mut child = command
            .args(["serve", "--listen", &SocketAddr::from((HOME, 0)).to_string()])
            .env("USHER_SHARDS", shards.to_string())
            .env("USHER_KEY", &key)
            .env("USHER_LOG", LOG)
            .env("USHER_LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::failed)?;
        let process = Process::new(child.id());
        let log = child.stderr.take().map(BufReader::new);
        let started = Arc::new(Mutex::new(Started { child, certificate }));
        watch.ends(Arc::clone(&started));
        let own = Own { started, shards };
        let mut log = log.ok_or_else(|| Failure::failed("the node has no log"))?;
        let address = listening(&mut log)?;
        // It is read on, so that the node never waits for this program.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(out::note));
        let target = Target { trust, ..Target::at(address, &key) };
        Ok(Self { target, process: Some(process), own: Some(own) })
    }

    /// Whether it goes on when the measurement is over.
    pub(super) fn stays(&self) -> bool {
        self.own.is_none()
    }

    /// What a reader of the figures should know of it.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![match &self.own {
            Some(_) => Figure::word("server", "server", "own"),
            None => Figure::word("server", "server", &self.target.host),
        }];
        let transport = if self.target.trust.is_some() { "TLS" } else { "TCP" };
        figures.push(Figure::word("transport", "sockets", transport));
        if let Some(own) = &self.own {
            let shards = u64::try_from(own.shards).unwrap_or(u64::MAX);
            figures.push(Figure::count("server_shards", "its shards", shards));
        }
        figures
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        lock(&self.started).end();
    }
}

fn lock(started: &Mutex<Started>) -> MutexGuard<'_, Started> {
    started.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All cores but the one that the load needs.
fn spare_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
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

/// Watches for signals that stop this program, which must not leave the node behind.
struct Watch {
    runtime: Runtime,
    stop: Stop,
}

impl Watch {
    fn begin() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::failed)?;
        let stop = runtime.block_on(Stop::watch())?;
        Ok(Self { runtime, stop })
    }

    /// When this program is told to stop, the node ends too.
    fn ends(mut self, started: Arc<Mutex<Started>>) {
        std::thread::spawn(move || {
            self.runtime.block_on(self.stop.called());
            // Held to the end, so that the thread that measures does not get to wonder aloud where
            // its node has gone.
            let mut started = lock(&started);
            started.end();
            std::process::exit(INTERRUPTED);
        });
    }
}

#[cfg(test)]
mod tests;
