//! Redis: a real one, for one test.

use std::{
    env::temp_dir,
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::program::{PATIENCE, Program};

/// A Redis that ends with it, or a Sentinel.
#[derive(Debug)]
pub(crate) struct Redis {
    address: SocketAddr,
    /// What its file begins with; Sentinels change that, and what they guard.
    settings: String,
    is_sentinel: bool,
    /// Where it keeps what it keeps.
    pub(crate) folder: PathBuf,
    program: Option<Program>,
}

/// Where a server listens, and where others come to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) listens: SocketAddr,
    pub(crate) announced: SocketAddr,
}

impl Site {
    /// One where nothing stands between.
    pub(crate) fn open() -> Self {
        let listens = free_address();
        Self { listens, announced: listens }
    }
}

/// What a server is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    /// And whether it has what its primary has, and hears it.
    Replica {
        has_all: bool,
    },
}

/// Ports that the system gives to nobody who does not ask for them.
const PORTS: Range<u32> = 10_000..32_000;

/// An address at which nobody listens, and which nobody else in this process is given: whoever is to
/// listen there need not do so at once.
pub(crate) fn free_address() -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    loop {
        // Processes begin at different places.
        let nth = GIVEN.fetch_add(1, Ordering::Relaxed);
        assert!(nth < count, "there is a free port");
        let port = PORTS.start + (std::process::id().wrapping_mul(101).wrapping_add(nth)) % count;
        let port = u16::try_from(port).expect("they are ports");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

impl Redis {
    /// Starts one, with further settings, which keeps nothing on disk.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_at(free_address(), settings)
    }

    /// Starts it where nobody listens.
    pub(crate) fn start_at(address: SocketAddr, settings: &[&str]) -> Self {
        let mut lines = format!("port {}\nbind 127.0.0.1\nsave \"\"", address.port());
        for word in settings {
            match word.strip_prefix("--") {
                Some(setting) => lines = format!("{lines}\n{setting}"),
                None => lines = format!("{lines} \"{word}\""),
            }
        }
        Self::begin(address, lines, false)
    }

    /// Starts a Sentinel, with the lines of its file.
    pub(crate) fn guard(lines: &str) -> Self {
        let address = free_address();
        Self::begin(address, format!("port {}\nbind 127.0.0.1\n{lines}", address.port()), true)
    }

    fn begin(address: SocketAddr, settings: String, is_sentinel: bool) -> Self {
        let folder = temp_dir().join(format!("usher-fleet-{}-{address}", std::process::id()));
        let mut redis = Self { address, settings, is_sentinel, folder, program: None };
        redis.rise();
        redis
    }

    /// Starts it again, at the same address.
    pub(crate) fn rise(&mut self) {
        let file = self.folder.join("redis.conf");
        if !file.exists() {
            fs::create_dir_all(&self.folder).expect("a folder can be made");
            let text = format!("dir \"{}\"\n{}\n", self.folder.display(), self.settings);
            fs::write(&file, text).expect("a file can be written");
        }
        let mut command = Command::new("redis-server");
        command.arg(&file).args(self.is_sentinel.then_some("--sentinel"));
        let mut program = Program::start(&mut command);
        let ready = ["Ready to accept connections", "+monitor master"];
        program.line_with(ready[usize::from(self.is_sentinel)]);
        self.program = Some(program);
    }

    /// Whether it runs.
    pub(crate) fn is_up(&self) -> bool {
        self.program.is_some()
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

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        self.program.as_ref().expect("it runs").signal(name);
    }

    /// Does a command; what it answers, with the sign that Redis puts before it unless it is a text.
    pub(crate) fn tell(&self, command: &str) -> String {
        self.list(command).join("\n")
    }

    /// Does a command whose answer is a list; returns that, and what is in lists of it.
    pub(crate) fn list(&self, command: &str) -> Vec<String> {
        let mut socket = TcpStream::connect(self.address).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        write!(socket, "{command}\r\n").expect("it reads");
        let mut all = Vec::new();
        read(&mut BufReader::new(socket), &mut all).expect("it answers");
        all
    }

    /// What it says of itself, of one kind.
    pub(crate) fn info(&self, kind: &str) -> String {
        self.tell(&format!("INFO {kind}"))
    }

    /// What it is to others.
    pub(crate) fn role(&self) -> Role {
        let said = self.info("replication");
        match said.contains("role:master") {
            true => Role::Primary,
            false => Role::Replica { has_all: said.contains("master_link_status:up") },
        }
    }
}

/// Reads an answer.
fn read(from: &mut impl BufRead, all: &mut Vec<String>) -> std::io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.trim_end();
    let count = || line[1..].parse::<usize>().unwrap_or_default();
    match line.as_bytes().first() {
        Some(b'$') if line != "$-1" => {
            let mut text = vec![0; count() + 2];
            from.read_exact(&mut text)?;
            all.push(String::from_utf8_lossy(text.trim_ascii_end()).into_owned());
        }
        Some(b'$') => {}
        Some(b'*') => {
            for _ in 0..count() {
                read(from, all)?;
            }
        }
        _ => all.push(line.to_owned()),
    }
    Ok(())
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).ok();
    }
}
