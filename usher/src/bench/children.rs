//! Children: what was started or made for a measurement, and must not be left behind.
//!
//! They end with this, or when this program is told to stop; then the last one ends first, since it
//! may use those before it. When this program is killed it can do nothing more, so a guard does: a
//! shell that is told of each process, and kills them all when nobody is left to tell it anything.

use std::{
    fmt,
    io::Write,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Builder;

use super::process::Process;
use crate::{failure::Failure, serve::Stop};

/// Exit code of who was told to stop.
const INTERRUPTED: i32 = 130;

/// What the guard does.
const GUARD: &str =
    "while read -r one; do all=\"$all $one\"; done; [ -z \"$all\" ] || kill -9 $all 2>/dev/null";

/// All of them.
#[derive(Debug)]
pub(super) struct Children {
    all: Arc<Mutex<Vec<One>>>,
    guard: ChildStdin,
}

/// Something that must not be left behind.
enum One {
    Process(Child),
    /// What takes it away.
    Thing(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(child) => f.debug_tuple("Process").field(&child.id()).finish(),
            Self::Thing(_) => f.write_str("Thing"),
        }
    }
}

/// A process that was started, and the ends of its pipes.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) input: Option<ChildStdin>,
    pub(super) out: Option<ChildStdout>,
    pub(super) err: Option<ChildStderr>,
}

impl Children {
    /// None yet. From here on whoever is told to stop ends them first.
    pub(super) fn begin() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::failed)?;
        let mut stop = runtime.block_on(Stop::watch())?;
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut guard = guard.spawn().map_err(Failure::failed)?;
        let told = guard.stdin.take();
        let told = told.ok_or_else(|| Failure::failed("the guard cannot be told anything"))?;
        // The first one, so that it ends last, while it could still be told something.
        let all = Arc::new(Mutex::new(vec![One::Process(guard)]));
        let watched = Arc::clone(&all);
        std::thread::spawn(move || {
            runtime.block_on(stop.called());
            // Held to the end, so that the thread that measures does not get to wonder aloud where
            // its node has gone.
            let mut watched = lock(&watched);
            end(&mut watched);
            std::process::exit(INTERRUPTED);
        });
        Ok(Self { all, guard: told })
    }

    /// Starts a process.
    pub(super) fn start(&self, command: &mut Command) -> Result<Started, std::io::Error> {
        // Nobody is told to stop in between.
        let mut all = lock(&self.all);
        let mut child = command.spawn()?;
        writeln!(&self.guard, "{}", child.id())?;
        let started = Started {
            process: Process::new(child.id()),
            input: child.stdin.take(),
            out: child.stdout.take(),
            err: child.stderr.take(),
        };
        all.push(One::Process(child));
        Ok(started)
    }

    /// Has something that was made taken away at the end.
    pub(super) fn at_the_end(&self, take_away: impl FnOnce() + Send + 'static) {
        lock(&self.all).push(One::Thing(Box::new(take_away)));
    }

    /// Kills one at once, as a crash does.
    pub(super) fn kill(&self, process: Process) {
        for one in &mut *lock(&self.all) {
            if let One::Process(child) = one
                && Process::new(child.id()) == process
            {
                kill(child);
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        end(&mut lock(&self.all));
    }
}

fn lock(all: &Mutex<Vec<One>>) -> MutexGuard<'_, Vec<One>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(all: &mut Vec<One>) {
    while let Some(one) = all.pop() {
        match one {
            One::Process(mut child) => kill(&mut child),
            One::Thing(take_away) => take_away(),
        }
    }
}

/// None of them keeps anything that is worth a graceful stop.
fn kill(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}
