//! Node: a process of the server, whether it runs or not.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    caller::{Caller, KEY},
    log::{Log, What},
    program::{plain, usher},
};

/// How long a node may take to be ready.
const START: Duration = Duration::from_secs(60);

/// Time after SIGTERM until a node has to be gone: delay, window, and some for the machine.
pub(crate) const DRAIN: Duration = Duration::from_secs(3);
const EXIT: Duration = Duration::from_secs(20);

/// The lease of these nodes, the window, and when they ping: what `Terms` tells the checker.
pub(crate) const LEASE: Duration = Duration::from_secs(5);
pub(crate) const WINDOW: Duration = Duration::from_secs(20);
pub(crate) const PING: Duration = Duration::from_secs(2);
pub(crate) const PONG: Duration = Duration::from_secs(2);

/// A node, whether it runs or not.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Where people come.
    pub(crate) public: SocketAddr,
    /// The engine's URL.
    pub(crate) engine: String,
    pub(crate) output: PathBuf,
    pub(crate) log: Log,
    /// A bug that is in it.
    pub(crate) planted: Option<String>,
    /// What it takes a second, for each core.
    pub(crate) resumes: u64,
    pub(crate) child: Option<Child>,
}

impl Node {
    /// Starts it; does not wait until it is ready.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        let told = |e: std::io::Error| format!("{}: {e}", self.output.display());
        let output = OpenOptions::new().create(true).append(true).open(&self.output);
        let output = output.map_err(told)?;
        let errors = output.try_clone().map_err(told)?;
        let mut command = usher(&["serve"]);
        let second = |time: Duration| format!("{}ms", time.as_millis());
        plain(&mut command)
            .env("USHER_KEY", KEY)
            .env("USHER_LISTEN", self.address.to_string())
            .env("USHER_NODE__NAME", &self.name)
            .env("USHER_NODE__PUBLIC_URL", format!("ws://{}", self.public))
            .env("USHER_ENGINE__URL", &self.engine)
            .env("USHER_ENGINE__LEASE", second(LEASE))
            .env("USHER_SESSION__RESUME_WINDOW", second(WINDOW))
            .env("USHER_SESSION__PING", second(PING))
            .env("USHER_SESSION__PONG_WAIT", second(PONG))
            .env("USHER_DRAIN__DELAY", "1s")
            .env("USHER_DRAIN__WINDOW", "2s")
            .env("USHER_LIMITS__FAILED_HANDSHAKES_PER_SECOND", "10000")
            .env("USHER_LIMITS__FAILED_HANDSHAKES_BURST", "10000")
            .env("USHER_LIMITS__RESUMES_PER_SECOND", self.resumes.to_string())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        if let Some(planted) = &self.planted {
            command.env("USHER_PLANTED", planted);
        }
        let child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        self.child = Some(child);
        self.log.write(What::Started { node: self.name.clone() });
        Ok(())
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), String> {
        let caller = Caller::new();
        let start = Instant::now();
        loop {
            let none = serde_json::Value::Null;
            if let Ok((200, _)) = caller.ask(self.address, "GET", "/readyz", &none).await {
                self.log.write(What::Ready { node: self.name.clone() });
                return Ok(());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                // It found no Redis when it started, and is started again, as a supervisor does.
                let is_start = status.code() == Some(1);
                self.exited(status.code(), is_start);
                sleep(Duration::from_millis(300)).await;
                self.start()?;
            }
            if start.elapsed() > START {
                return Err(format!("{} is not ready after {START:?}", self.name));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn exited(&mut self, code: Option<i32>, ours: bool) {
        self.child = None;
        self.log.write(What::Exited { node: self.name.clone(), code, ours });
    }

    pub(crate) fn signal(&self, name: &str) {
        if let Some(child) = &self.child {
            let id = child.id().to_string();
            let mut kill = std::process::Command::new("kill");
            kill.args([&format!("-{name}"), &id]).stderr(Stdio::null()).status().ok();
        }
    }

    pub(crate) fn kill(&mut self) {
        self.look_after();
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            let status = child.wait().ok();
            self.exited(status.and_then(|status| status.code()), true);
        }
    }

    /// Asks it to go away, waits until it is gone, and starts it again.
    pub(crate) async fn drain(&mut self) -> Result<(), String> {
        self.log.write(What::Told { node: self.name.clone() });
        self.signal("TERM");
        let start = Instant::now();
        while let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) if start.elapsed() < EXIT => sleep(Duration::from_millis(20)).await,
                Ok(None) | Err(_) => self.kill(),
                Ok(Some(status)) => self.exited(status.code(), status.code() == Some(0)),
            }
        }
        self.start()?;
        self.ready().await
    }

    /// Notes whether it ended by itself.
    pub(crate) fn look_after(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if let Some(status) = ended {
            self.exited(status.code(), false);
        }
    }

    /// What it said that it must not say.
    pub(crate) fn cries(&self) {
        let Ok(said) = std::fs::read(&self.output) else { return };
        let said = String::from_utf8_lossy(&said);
        for line in said.lines().filter(|line| line.contains("panicked at")) {
            let line = line.chars().take(500).collect();
            self.log.write(What::Cried { node: self.name.clone(), line });
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
