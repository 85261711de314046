//! Served: `usher serve` on free ports.

use std::process::Command;

use crate::{
    program::{Ended, Program, USHER, run, usher},
    session::Session,
};

/// The key of these nodes.
pub(crate) const KEY: &str = "a-key-for-tests-and-nothing-else";

/// A running node.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) program: Program,
    /// Where sessions come.
    pub(crate) address: String,
    /// Where the API is.
    pub(crate) api: String,
}

/// A command whose log comes on standard output, run with at most so many descriptors.
pub(crate) fn serve(descriptors: usize, arguments: &str) -> Command {
    serve_within(&format!("ulimit -n {descriptors}"), arguments)
}

/// The same within what the shell limits first.
pub(crate) fn serve_within(limits: &str, arguments: &str) -> Command {
    let mut command = Command::new("sh");
    let line = format!("{limits}; exec '{USHER}' serve {arguments} 2>&1");
    command.args(["-c", &line]).env("USHER_LISTEN", "127.0.0.1:0").env("USHER_KEY", KEY);
    command
}

impl Served {
    /// Starts one by such a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut program = Program::start(command);
        let address = listening(&mut program);
        let (address, api) = match address {
            (address, what) if what == "sessions" => (address, listening(&mut program).0),
            (address, _) => (address.clone(), address),
        };
        Self { program, address, api }
    }

    /// Runs a command that talks to this node.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ended {
        let url = format!("http://{}", self.api);
        run(usher(arguments).env("USHER_URL", url).env("USHER_KEY", KEY), "")
    }

    /// Opens a session.
    pub(crate) fn join(&self, user: &str) -> Session {
        let ticket = self.ask(&["ticket", user]);
        assert_eq!(ticket.code, Some(0), "{}", ticket.err);
        let url = format!("ws://{}/v1/connect", self.address);
        let offer = format!("ticket.{}", ticket.out.trim());
        Session::at(&url, &["usher.v1", &offer]).0
    }
}

/// Where the log says that it listens, and for what.
fn listening(program: &mut Program) -> (String, String) {
    let line = program.line_with("listening serves=");
    let (_, rest) = line.split_once("listening serves=").unwrap_or_else(|| panic!("{line}"));
    let (serves, address) = rest.split_once(" address=").unwrap_or_else(|| panic!("{line}"));
    (address.to_owned(), serves.trim_matches('"').to_owned())
}
