//! Redis: a real one, for one test.

use std::{
    env::temp_dir,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use crate::program::{PATIENCE, Program};

/// A Redis that ends with it.
#[derive(Debug)]
pub(crate) struct Redis {
    address: SocketAddr,
    settings: Vec<String>,
    /// Where it keeps what it keeps.
    pub(crate) folder: PathBuf,
    program: Option<Program>,
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address")
}

impl Redis {
    /// Starts one, with further settings, which keeps nothing on disk.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let address = free_address();
        let folder = temp_dir().join(format!("usher-fleet-{}-{address}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let settings = settings.iter().map(|word| (*word).to_owned()).collect();
        let mut redis = Self { address, settings, folder, program: None };
        redis.rise();
        redis
    }

    /// Starts it again, at the same address.
    pub(crate) fn rise(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"]);
        command.arg("--dir").arg(&self.folder).args(["--save", ""]).args(&self.settings);
        let mut program = Program::start(&mut command);
        program.line_with("Ready to accept connections");
        self.program = Some(program);
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill();
            program.end();
        }
    }

    /// Host and port.
    pub(crate) fn at(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        self.program.as_ref().expect("it runs").signal(name);
    }

    /// Does a command, and returns the first line of its answer.
    pub(crate) fn tell(&self, command: &str) -> String {
        self.answer(command).next().expect("it answers")
    }

    /// Does a command whose answer is a list; returns that.
    pub(crate) fn list(&self, command: &str) -> Vec<String> {
        let mut lines = self.answer(command);
        let count = lines.next().expect("it answers");
        let count = count.strip_prefix('*').and_then(|count| count.parse().ok());
        // Each is a line behind one that tells its length.
        lines.skip(1).step_by(2).take(count.expect("it is a list")).collect()
    }

    fn answer(&self, command: &str) -> impl Iterator<Item = String> + use<> {
        let mut socket = TcpStream::connect(self.address).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        write!(socket, "{command}\r\n").expect("it reads");
        BufReader::new(socket).lines().map(|line| line.expect("it answers"))
    }

    /// Where it keeps what it keeps.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says of itself, of one kind.
    pub(crate) fn info(&self, kind: &str) -> String {
        self.text(&format!("INFO {kind}"))
    }

    /// Does a command whose answer has many lines.
    pub(crate) fn text(&self, command: &str) -> String {
        let mut socket = TcpStream::connect(self.address).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        write!(socket, "{command}\r\nQUIT\r\n").expect("it reads");
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("it answers");
        text
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).ok();
    }
}
