//! Node: one of ours, with the echo endpoint, for as long as the suite runs.
//!
//! It takes a free port and says which in its first line, so nothing is guessed or waited for by
//! the clock. It is stopped by its own process id when the value is dropped, on every way out.

use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{clock, program};

/// Where it echoes.
const ECHO_PATH: &str = "/echo";

/// How long it may take to say where it listens.
const START: Duration = Duration::from_secs(30);

/// How long it may take to end once asked to.
const STOP: Duration = Duration::from_secs(5);

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    process: Child,
    echo_url: String,
}

impl Node {
    /// Starts the release build and waits until it listens.
    pub(super) fn start(root: &Path, folder: &Path) -> Result<Self, String> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let program = root.join(target).join("release/usher");
        let log = folder.join("node.log");
        let errors = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let mut process = Command::new(&program)
            .args(["dev", "--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let output = process.stdout.take().expect("its output is piped");
        // From here on it is stopped whatever happens.
        let mut node = Self { process, echo_url: String::new() };
        let line = first_line(output);
        node.echo_url = line.as_deref().and_then(echo_url).ok_or_else(|| {
            let said = line.unwrap_or_default();
            format!("the node did not say where it listens: {said:?}; see {}", log.display())
        })?;
        Ok(node)
    }

    /// Where the suite finds it.
    pub(super) fn echo_url(&self) -> &str {
        &self.echo_url
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        let asked = program::works(Command::new("kill").args(["-TERM", &id]));
        let ended =
            asked && clock::wait_for(STOP, || self.process.try_wait().ok().flatten()).is_some();
        if !ended {
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }
}

/// The first line of an output, if it comes in time; the rest is read and thrown away.
fn first_line(output: impl io::Read + Send + 'static) -> Option<String> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        if output.read_line(&mut line).is_ok() && tell.send(line).is_ok() {
            // A full pipe would stop the node.
            drop(io::copy(&mut output, &mut io::sink()));
        }
    });
    told.recv_timeout(START).ok()
}

/// The echo endpoint beside the one that the line has under `websocket`.
fn echo_url(line: &str) -> Option<String> {
    let (_, value) = line.split_once(r#""websocket""#)?;
    let value = value.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let url = value.split('"').next()?;
    let place = url.strip_prefix("ws://")?.split('/').next()?;
    Some(format!("ws://{place}{ECHO_PATH}"))
}

#[cfg(test)]
mod tests;
