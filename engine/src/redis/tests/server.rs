//! A real Redis, for one test.

use std::{
    env::temp_dir,
    net::TcpListener,
    path::PathBuf,
    process::{self, Stdio},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::Ground;

/// Ends the server when nobody holds the other end of its input any more, however a test ends.
const SHELL: &str =
    "redis-server \"$@\" & trap \"kill -9 $!; wait\" EXIT; while read -r _; do :; done";

/// How often another port is tried; between two looks somebody may have taken it.
const TRIES: usize = 10;

/// The longest that a command takes; some wait.
const PATIENCE: Duration = Duration::from_secs(20);

const MISSING: &str = "redis-server is missing: `cargo xtask test --install` installs it, as does \
                       `apt-get install redis-server`";

/// The file of a Sentinel, which it writes to as well.
const GUARD: &str = "sentinel.conf";

pub(super) fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    free.local_addr().expect("it has one").port()
}

/// A server that ends with it.
pub(super) struct Server {
    port: u16,
    settings: Vec<String>,
    /// Where it keeps what it keeps.
    folder: PathBuf,
    /// Its input holds the server, its output says what it does.
    running: Option<(Child, Lines<BufReader<ChildStdout>>)>,
}

impl Server {
    /// Starts one, with further settings, in which `{port}` and `{folder}` are its own.
    pub(super) async fn start(settings: &[&str]) -> Self {
        let settings: Vec<String> = settings.iter().map(|one| (*one).to_owned()).collect();
        for _ in 0..TRIES {
            let port = free_port();
            let folder = temp_dir().join(format!("usher-redis-{}-{port}", process::id()));
            std::fs::create_dir_all(&folder).expect("a folder can be made");
            let own = |one: &String| {
                one.replace("{port}", &port.to_string())
                    .replace("{folder}", &folder.display().to_string())
            };
            let settings = settings.iter().map(own).collect();
            let mut server = Self { port, settings, folder: folder.clone(), running: None };
            if server.run().await {
                return server;
            }
        }
        panic!("{MISSING}; or it does not start with {settings:?}");
    }

    /// Starts a Sentinel, with the lines of its file.
    pub(super) async fn guard(lines: &str) -> Self {
        for _ in 0..TRIES {
            let port = free_port();
            let folder = temp_dir().join(format!("usher-sentinel-{}-{port}", process::id()));
            std::fs::create_dir_all(&folder).expect("a folder can be made");
            let text = format!("port {port}\nbind 127.0.0.1\ndir {}\n{lines}\n", folder.display());
            std::fs::write(folder.join(GUARD), text).expect("a file can be written");
            let mut server = Self { port, settings: Vec::new(), folder, running: None };
            if server.run().await {
                return server;
            }
        }
        panic!("{MISSING}; or no Sentinel starts with {lines}");
    }

    /// Starts it, at its port; whether it could.
    async fn run(&mut self) -> bool {
        let port = self.port.to_string();
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "redis"]);
        let guard = self.folder.join(GUARD);
        match guard.exists() {
            true => command.arg(guard).arg("--sentinel"),
            false => command
                .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
                .arg("--dir")
                .arg(&self.folder)
                .args(["--enable-debug-command", "yes"])
                .args(&self.settings),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("there is a shell");
        let output = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("Ready to accept connections") || line.contains("+monitor master") {
                self.running = Some((child, lines));
                return true;
            }
            if line.contains("Failed listening") || line.contains("FATAL") {
                break;
            }
        }
        drop(child.stdin.take());
        child.wait().await.expect("it ends");
        false
    }

    /// Lets it stand still, as a machine that gets no turn, until what is returned is dropped.
    pub(super) async fn hold(&self) -> Held {
        let info: String = self.tell("INFO server").await;
        let pid = info.lines().find_map(|line| line.strip_prefix("process_id:"));
        let held = Held(pid.expect("it says so").trim().to_owned());
        held.signal("-STOP");
        held
    }

    /// Ends it at once, as a crash does.
    pub(super) async fn kill(&mut self) {
        let Some((mut child, mut lines)) = self.running.take() else { return };
        drop(child.stdin.take());
        while let Ok(Some(_)) = lines.next_line().await {}
        child.wait().await.expect("it ends");
    }

    /// Gives it further settings, for the next time.
    pub(super) fn set(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|one| (*one).to_owned()));
    }

    /// Starts it again, at the same port.
    pub(super) async fn rise(&mut self) {
        for _ in 0..TRIES {
            if self.run().await {
                return;
            }
        }
        panic!("it does not start again with {:?}", self.settings);
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port.
    pub(super) fn at(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Does a command; words have spaces between.
    pub(super) async fn tell<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = Cmd::new();
        for word in command.split(' ') {
            words.arg(word);
        }
        self.ask(&words).await
    }

    /// Does a command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let redis = redis::Client::open(self.url()).expect("it is a URL");
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let line = redis.get_multiplexed_async_connection_with_config(&config).await;
        let mut line = line.expect("it answers");
        command.query_async(&mut line).await.expect("it does that")
    }
}

/// A server that stands still.
pub(super) struct Held(String);

impl Held {
    fn signal(&self, signal: &str) {
        let done = process::Command::new("kill").args([signal, &self.0]).status();
        assert!(done.expect("there is kill").success());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

impl Ground for Server {
    fn url(&self) -> String {
        format!("redis://{}", self.at())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // With the end of its input the server ends; whether its folder goes first is all one.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
