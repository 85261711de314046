//! Session: a socket of Python's `websockets`.

use std::{ffi::OsString, path::Path, process::Command};

use serde_json::Value;

use crate::{node::Node, program::Program};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/session.py");

/// The Python that has the packages which tests use.
pub(crate) fn python() -> OsString {
    std::env::var_os("USHER_TEST_PYTHON").unwrap_or_else(|| {
        panic!("USHER_TEST_PYTHON names no Python; run `cargo xtask test`, which sets it")
    })
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Session(Program);

impl Session {
    /// Opens one with this ticket, as a page does; its `welcome` has come.
    pub(crate) fn open(node: &Node, ticket: &str) -> Self {
        let ticket = format!("ticket.{ticket}");
        let (session, welcome) = Self::at(&node.socket_url(), &["usher.v1", &ticket]);
        assert_eq!(welcome["resumed"], false, "{welcome}");
        session
    }

    /// Opens one at this URL; returns its `welcome` too.
    pub(crate) fn at(url: &str, subprotocols: &[&str]) -> (Self, Value) {
        Self::begin(&mut Self::command(url, subprotocols))
    }

    /// The same for a server that shows a certificate of which only this file tells.
    pub(crate) fn knowing(cert: &Path, url: &str, subprotocols: &[&str]) -> (Self, Value) {
        Self::begin(Self::command(url, subprotocols).env("SSL_CERT_FILE", cert))
    }

    fn command(url: &str, subprotocols: &[&str]) -> Command {
        let mut command = Command::new(python());
        command.args([SCRIPT, url]).args(subprotocols);
        command
    }

    fn begin(command: &mut Command) -> (Self, Value) {
        let mut session = Self(Program::start(command));
        let welcome = session.frame();
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (session, welcome)
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, frame: &Value) {
        self.0.say(&format!("{frame}\n"));
    }

    /// The next frame; the last one is `closed`, with the close code.
    pub(crate) fn frame(&mut self) -> Value {
        self.0.frame()
    }

    /// The frames up to and without the first one like that.
    pub(crate) fn frames_until(&mut self, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame();
            if is_last(&frame) {
                return frames;
            }
            frames.push(frame);
        }
    }
}
