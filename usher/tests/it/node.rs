//! Node: `usher dev` on a free port, and the commands that talk to it.

use std::process::Command;

use crate::program::{Ended, Program, run, shell, usher};

/// The address that means any free port.
pub(crate) const FREE: &str = "127.0.0.1:0";

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) program: Program,
    /// Where it listens.
    pub(crate) address: String,
    /// What it printed when it started.
    pub(crate) banner: String,
}

impl Node {
    /// Starts one.
    pub(crate) fn dev() -> Self {
        Self::start(&mut usher(&["dev", "--listen", FREE]))
    }

    /// Starts one by a command that prints the banner of `usher dev`.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut program = Program::start(command);
        let mut banner = String::new();
        // The line to send with is the last one, but for an empty one.
        while !banner.ends_with("/messages\n\n") {
            banner += &program.line();
            banner.push('\n');
        }
        let (_, rest) = banner.split_once("http://").expect("the banner has a URL");
        let (address, _) = rest.split_once('/').expect("the URL has a path");
        Self { program, address: address.to_owned(), banner }
    }

    /// Runs a command that talks to this node.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ended {
        self.ask_with(arguments, "")
    }

    /// The same, with this on its standard input.
    pub(crate) fn ask_with(&self, arguments: &[&str], input: &str) -> Ended {
        run(usher(arguments).env("USHER_URL", format!("http://{}", self.address)), input)
    }

    /// Runs a line of shell; it must end well.
    pub(crate) fn type_line(&self, line: &str) -> String {
        let ended = run(&mut shell(line), "");
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        ended.out
    }

    /// A ticket for a user.
    pub(crate) fn ticket(&self, user: &str) -> String {
        let ended = self.ask(&["ticket", user]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.trim().to_owned()
    }

    /// The URL to connect to.
    pub(crate) fn socket_url(&self) -> String {
        format!("ws://{}/v1/connect", self.address)
    }
}
