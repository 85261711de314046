//! Part: a share of a load, in a process of its own, since one has descriptors for so many sessions
//! only.
//!
//! It sends to its own sessions alone, so that it can hold all that arrives against what was sent. It
//! is told what to do by lines of JSON on standard input, and tells there what came of it on standard
//! output. When nobody is there to tell it, it ends.

mod share;

use std::{
    io::BufRead,
    net::SocketAddr,
    sync::mpsc::{self, Receiver, TryRecvError},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::share::Share;
use super::{process, target::Target};
use crate::{failure::Failure, out};

/// How long it waits for an order before it looks after its sessions.
const LOOK: Duration = Duration::from_millis(20);

/// What a part is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) nodes: Vec<Address>,
    /// The number of its first user; each has one session.
    pub(super) first: usize,
    pub(super) sessions: usize,
    /// Bytes of `data` in each message.
    pub(super) size: usize,
}

/// How to address a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    address: SocketAddr,
    authorization: String,
}

impl Address {
    pub(super) fn of(target: &Target) -> Self {
        Self { address: target.address, authorization: target.authorization.clone() }
    }

    fn target(&self) -> Target {
        let (address, authorization) = (self.address, self.authorization.clone());
        Target { address, host: address.to_string(), authorization, trust: None }
    }
}

/// What it is told to do.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Order {
    /// Open all sessions.
    Gather,
    /// Send to users at random, so many a second, for so long.
    Send { rate: u32, time: Duration },
    /// Send on by way of the other nodes, while this one goes, and come back there. It says when it
    /// calls that node no more.
    Lose { node: usize, rate: u32 },
}

/// What it tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// A node may go.
    Ready,
    /// An order is done.
    Done(Outcome),
    /// It cannot go on.
    Failed(String),
}

/// Times in nanoseconds, and how often each was taken.
pub(super) type Times = Vec<(u64, u64)>;

/// What came of an order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) messages: u64,
    pub(super) deliveries: u64,
    /// From when a message was due until it arrived.
    pub(super) taken: Times,
    /// Sessions that came back.
    pub(super) resumed: u64,
    /// Messages that were sent to sessions which were away, and had come when they were back.
    pub(super) replayed: u64,
    /// How often a session was told to come later.
    pub(super) refused: u64,
    /// From the first socket's end until the last session was back.
    pub(super) away: Duration,
    /// From each socket's end until its session was back.
    pub(super) back: Times,
}

/// Does what it is told, until nobody is there to tell it.
pub(super) fn run() -> Result<(), Failure> {
    if let Err(failure) = obey() {
        tell(&Told::Failed(failure.to_string()))?;
    }
    Ok(())
}

fn obey() -> Result<(), Failure> {
    let mut input = std::io::stdin().lock().lines();
    let first = input.next().ok_or_else(|| Failure::usage("a part is started by a measurement"))?;
    let job: Job = read(&first.map_err(Failure::failed)?)?;
    drop(input);
    process::room_for(job.sessions)?;
    let mut share = Share::new(&job)?;
    let orders = listen();
    loop {
        match orders.try_recv() {
            Ok(line) => {
                let outcome = match read(&line)? {
                    Order::Gather => share.gather()?,
                    Order::Send { rate, time } => share.send(rate, time)?,
                    Order::Lose { node, rate } => {
                        share.avoid(node)?;
                        tell(&Told::Ready)?;
                        share.lose(rate)?
                    }
                };
                tell(&Told::Done(outcome))?;
            }
            Err(TryRecvError::Empty) => share.rest(LOOK)?,
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

/// Lines of standard input.
fn listen() -> Receiver<String> {
    let (order, orders) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if order.send(line).is_err() {
                return;
            }
        }
    });
    orders
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, Failure> {
    serde_json::from_str(line).map_err(Failure::failed)
}

fn tell(told: &Told) -> Result<(), Failure> {
    out::line(serde_json::to_string(told).map_err(Failure::failed)?);
    Ok(())
}
