//! Program: a process, line by line.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

/// How long any line may take before a test gives up. Far more than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long to look for a line before something else is tried.
const MOMENT: Duration = Duration::from_millis(200);

/// The binary under test.
pub(crate) const USHER: &str = env!("CARGO_BIN_EXE_usher");

/// The binary with these arguments.
pub(crate) fn usher(arguments: &[&str]) -> Command {
    let mut command = Command::new(USHER);
    command.args(arguments);
    command
}

/// A shell that becomes what a line says.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]);
    command
}

/// Looks until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Takes from a command's environment what its user may have set for other servers.
pub(crate) fn plain(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("USHER_")) {
            command.env_remove(name);
        }
    }
    // Help is as wide as the terminal, or as this says where there is none.
    command.env("COLUMNS", "100").env("NO_PROXY", "*").env("no_proxy", "*")
}

/// What a process said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) out: String,
    pub(crate) err: String,
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
}

/// Runs a command to its end, with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Ended {
    let mut program = Program::start(command);
    program.say(input);
    program.end()
}

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    error_lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = plain(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let input = child.stdin.take();
        let out = child.stdout.take().expect("it is a pipe");
        let err = child.stderr.take().expect("it is a pipe");
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        let (error_line, error_lines) = mpsc::channel();
        let errors = thread::spawn(move || {
            let (mut err, mut text) = (BufReader::new(err), String::new());
            loop {
                let begin = text.len();
                match err.read_line(&mut text) {
                    Ok(0) | Err(_) => return text,
                    // Nobody may look at them before the end.
                    Ok(_) => drop(error_line.send(text[begin..].to_owned())),
                }
            }
        });
        Self { child, input, lines, error_lines, errors: Some(errors) }
    }

    /// Writes lines to its standard input.
    pub(crate) fn say(&mut self, lines: &str) {
        let input = self.input.as_mut().expect("its input is open");
        // It may have ended, and its end is what the test looks at.
        input.write_all(lines.as_bytes()).and_then(|()| input.flush()).ok();
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| panic!("it ended: {}", self.errors()))
    }

    /// The next line that it prints, if there is one.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line for {PATIENCE:?}"),
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without asking, as the system does when it is out of memory; then its ports are free.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// The next line that it prints that has this in it.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The next line that it prints, which must be JSON.
    pub(crate) fn frame(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The next line that it prints, if there is one already or soon.
    pub(crate) fn line_within_a_moment(&mut self) -> Option<String> {
        self.lines.recv_timeout(MOMENT).ok()
    }

    /// The next line on its standard error that has this in it.
    pub(crate) fn error_line_with(&mut self, part: &str) -> String {
        loop {
            match self.error_lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(error) => panic!("{part} is not said: {error}"),
            }
        }
    }

    /// Asks it to end, as a service supervisor does.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Tells it that its files have changed.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &line]).status();
        assert!(status.is_ok_and(|status| status.success()), "{line}");
    }

    /// Waits for its end; its standard input ends now.
    pub(crate) fn end(mut self) -> Ended {
        self.input = None;
        let mut out = String::new();
        while let Some(line) = self.next_line() {
            out += &line;
            out.push('\n');
        }
        let status = self.child.wait().expect("it can be waited for");
        Ended { out, err: self.errors(), code: status.code() }
    }

    /// What it said on standard error; to be asked when it has ended.
    fn errors(&mut self) -> String {
        let errors = self.errors.take().and_then(|errors| errors.join().ok());
        errors.unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
