//! Log: all that is known of a run, one JSON line for each thing that happened.
//!
//! Publishers, visitors and the stage write it; the checker reads nothing else. So a run can be
//! judged again, long after it, by a checker that has become better. Times are Unix milliseconds of
//! the one clock that all processes of a run share.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use protocol::position::Position;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::shape::Shape;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// A message as its payload names it: who sent it, and which of theirs it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) by: String,
    pub(crate) n: u64,
}

/// How many sessions a ticket's policy leaves a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policy {
    Multi,
    /// One; a newcomer takes the place.
    Single,
    /// One; whoever is there keeps the place.
    Reject,
}

/// What became of one try to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    Accepted,
    /// The answer says that nothing was done.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// Where a fault stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// It is about to be made.
    Begins,
    /// It is there as a whole.
    Holds,
    /// It is about to be mended.
    Mends,
    /// It is mended.
    Over,
}

/// A session as the registry lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) node: String,
    pub(crate) live: bool,
}

/// What happened. Tickets and tokens are named by a digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum What {
    /// What was meant to happen.
    Plan {
        seed: u64,
        text: String,
    },
    /// Bounds that the settings of this run give, in milliseconds.
    Terms {
        lease: u64,
        window: u64,
        ping: u64,
        pong: u64,
        drain: u64,
        resumes_per_second: u64,
        #[serde(default)]
        shape: Shape,
    },
    /// Where a fault stands.
    Fault {
        fault: String,
        node: Option<String>,
        phase: Phase,
    },
    /// All faults are over.
    Healed,
    /// The run is over: nobody waits any longer.
    Over,
    /// This process itself did not get to run for so long.
    Late {
        ms: u64,
    },

    /// A process was started, or was ready.
    Started {
        node: String,
    },
    Ready {
        node: String,
    },
    /// It was told to go away.
    Told {
        node: String,
    },
    /// It is gone; without a code a signal ended it. `ours` if that was ours.
    Exited {
        node: String,
        code: Option<i32>,
        ours: bool,
    },
    /// It said something that it must not say.
    Cried {
        node: String,
        line: String,
    },

    Minted {
        ticket: String,
        user: String,
        policy: Policy,
        expires_at: u64,
        by: String,
    },
    /// A visitor tries to come in. `faithful` ones come back with their token for as long as it is good.
    Dial {
        socket: u64,
        by: String,
        user: String,
        node: String,
        ticket: Option<String>,
        token: Option<String>,
        after: Option<Position>,
    },
    Welcome {
        socket: u64,
        session: String,
        user: String,
        node: String,
        resumed: bool,
        position: Position,
        token: String,
    },
    Message {
        socket: u64,
        id: String,
        position: Option<Position>,
        name: Name,
        /// For whom its payload says that it is.
        to: String,
        digest: String,
        replayed: bool,
        echo: bool,
    },
    /// A message frame that is none of ours, or is damaged.
    Strange {
        socket: u64,
        text: String,
    },
    Gap {
        socket: u64,
        after: Position,
        until: Position,
        reason: String,
    },
    CaughtUp {
        socket: u64,
        position: Position,
    },
    Closing {
        socket: u64,
        code: u16,
        retry_ms: Option<u64>,
    },
    /// The socket is gone; without a code nobody said why. `ours` if the visitor let go of it.
    Closed {
        socket: u64,
        code: Option<u16>,
        ours: bool,
    },
    /// The visitor says a frame that counts as a sign of the new `welcome` having come.
    Spoke {
        socket: u64,
    },
    /// The visitor reads nothing for so long.
    Dozes {
        socket: u64,
        ms: u64,
    },

    /// A message is on its way to a node; `session` if a session sends it.
    Sending {
        name: Name,
        to: String,
        digest: String,
        node: String,
        key: Option<String>,
        socket: Option<u64>,
    },
    Sent {
        name: Name,
        node: String,
        fate: Fate,
        status: u16,
        id: Option<String>,
        position: Option<Position>,
        matched: u64,
        live: u64,
        socket: Option<u64>,
    },
    /// Another body under a key that was used.
    Misused {
        key: String,
        status: u16,
    },

    /// Somebody's sessions are to end; the second when the answer was 2xx.
    Kicking {
        session: String,
    },
    Kicked {
        session: String,
        closed: u64,
    },
    Blocking {
        user: String,
    },
    Blocked {
        user: String,
    },
    Unblocking {
        user: String,
    },
    /// All sessions, as a node listed them between `asked` and now.
    Registry {
        node: String,
        asked: u64,
        whole: bool,
        sessions: Vec<Listed>,
    },
    /// Visitors who should have a session when all faults are over.
    Trying {
        by: String,
        user: String,
    },
    /// A ticket that no longer counts, or does not count here, is tried with this socket.
    Trespass {
        socket: u64,
        why: String,
    },
}

/// The log of a run that goes on.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Mutex<BufWriter<File>>,
    start: Instant,
    start_ms: u64,
    sockets: AtomicU64,
}

impl Log {
    /// Begins one in a file.
    #[expect(clippy::disallowed_methods, reason = "what all processes of a run have in common")]
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let start_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let inner = Inner {
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            start: Instant::now(),
            start_ms: u64::try_from(start_ms).expect("it is not the end of time"),
            sockets: AtomicU64::new(1),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        let since = self.0.start.elapsed().as_millis();
        self.0.start_ms + u64::try_from(since).expect("it is not the end of time")
    }

    /// A number that no other socket has.
    pub(crate) fn socket(&self) -> u64 {
        self.0.sockets.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn write(&self, what: What) {
        let mut file = self.0.file.lock().expect("nobody panics with it");
        // In the order of time, as the clock is read under the lock.
        let entry = Entry { at: self.now(), what };
        serde_json::to_writer(&mut *file, &entry).expect("it is JSON, and there is room");
        file.write_all(b"\n").expect("there is room");
    }

    pub(crate) fn flush(&self) {
        self.0.file.lock().expect("nobody panics with it").flush().expect("there is room");
    }
}

/// Reads a log.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut entries = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| format!("{}: {e}", path.display()))?;
        let entry = serde_json::from_str(&line);
        entries.push(entry.map_err(|e| format!("{}:{}: {e}", path.display(), at + 1))?);
    }
    Ok(entries)
}

/// A short name for bytes that are not to be written down, or are long (FNV-1a).
pub(crate) fn digest(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}
