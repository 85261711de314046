//! Bench: what can be measured, of which server, and for how long.

mod nodes;
mod plan;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

pub(crate) use self::nodes::{Nodes, Shared};
use self::plan::time;
pub(crate) use self::plan::{Message, Plan, Stretch};
use super::Format;
use crate::failure::Failure;

pub(super) const EXAMPLES: &str = "Examples:
  usher bench idle
  usher bench fanout --sessions 1000 --duration 5s
  usher bench send --rate 5000 -o json
  usher bench connect --server http://10.0.0.7:7328 --key-file usher.key

Without --server a node is started for the measurement: this program as `usher serve`, in memory,
with its gates open, on as many shards as there are cores, less one for the load. Settings by
variables, such as USHER_SESSION__PING, are passed on to it.

With --nodes several are started, each a process of its own, on one Redis; what is told then of the
server is the sum of all, and beside it stands what Redis spent.

Every delivery is looked at: one that is missing, doubled or out of order is a failure.";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Memory of a node for each session that does nothing
    #[command(after_help = IDLE_EXAMPLES)]
    Idle(Idle),
    /// Messages to everyone, one at a time and in bursts, beside bare system calls
    #[command(after_help = FANOUT_EXAMPLES)]
    Fanout(Fanout),
    /// HTTP calls, each with a message to one user
    #[command(after_help = SEND_EXAMPLES)]
    Send(Send),
    /// Messages from sessions to users, without and with an echo
    #[command(after_help = SESSION_SEND_EXAMPLES)]
    SessionSend(SessionSend),
    /// HTTP calls, each with a message to many users
    #[command(after_help = BULK_EXAMPLES)]
    Bulk(Bulk),
    /// Sessions that come with a new ticket and leave again
    #[command(after_help = CONNECT_EXAMPLES)]
    Connect(Connect),
    /// Of several nodes: what it saves to connect where tickets say
    #[command(after_help = PLACEMENT_EXAMPLES)]
    Placement(Placement),
    /// All sessions lose their sockets at once, or one of several nodes, and come back
    #[command(after_help = STORM_EXAMPLES)]
    Storm(Storm),
    /// A share of a load, for a measurement that started it
    #[command(hide = true)]
    Part,
    /// A bit of everything for a long time: does memory or the number of descriptors grow?
    #[command(after_help = SOAK_EXAMPLES)]
    Soak(Soak),
}

/// Which server, and how to print.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Measure this server instead of starting one
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Its API key
    #[arg(long, value_name = "KEY", env = "USHER_KEY", hide_env_values = true)]
    key: Option<String>,
    /// A file with its API key; USHER_KEY_FILE names one as well
    #[arg(long, value_name = "FILE", requires = "server")]
    key_file: Option<PathBuf>,
    /// Its process, if it runs on this machine: then its time and memory can be told
    #[arg(long, value_name = "PID", requires = "server")]
    pub(crate) pid: Option<u32>,
    /// Shards of the node that is started. Without it the number of cores, less one for the load
    #[arg(long, value_name = "N", conflicts_with = "server", value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: Option<u16>,
    /// Have all sockets of the node that is started encrypted
    #[arg(long, conflicts_with = "server")]
    pub(crate) tls: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

impl Place {
    /// The key to the given server.
    pub(crate) fn key(&self) -> Result<String, Failure> {
        super::key(self.key_file.as_deref(), self.key.as_deref())
    }

    /// How many shards to start.
    pub(crate) fn shards(&self) -> Option<usize> {
        self.shards.map(usize::from)
    }
}

/// Sessions that one process can hold, as far as its descriptors go.
fn sessions(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    count.ok_or_else(|| "must be 1 to 1000000".to_owned())
}

const IDLE_EXAMPLES: &str = "Examples:
  usher bench idle
  usher bench idle --sessions 1000 -o json
  usher bench idle --checkpoints 1 --rounds 3";

#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// How many sessions
    #[arg(long, value_name = "N", default_value = "15000", value_parser = sessions)]
    pub(crate) sessions: usize,
    /// How often to look on the way there
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) checkpoints: u8,
    /// How often all of them come, and leave again
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) rounds: u8,
    /// How long memory may take to settle before each look
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub(crate) settle: Duration,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const FANOUT_EXAMPLES: &str = "Examples:
  usher bench fanout
  usher bench fanout --sessions 1000 --outstanding 16 --duration 5s";

#[derive(Debug, Args)]
pub(crate) struct Fanout {
    /// How many sessions
    #[arg(long, value_name = "N", default_value = "5000", value_parser = sessions)]
    pub(crate) sessions: usize,
    /// Messages under way at once, in bursts
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=16))]
    pub(crate) outstanding: u64,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const SEND_EXAMPLES: &str = "Examples:
  usher bench send
  usher bench send --rate 5000 --size 1024
  usher bench send --sessions 15000 --everyone-rate 1
  usher bench send --nodes 3 --devices 2";

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// How many users, each with a session
    #[arg(long, value_name = "N", default_value = "5000", value_parser = sessions)]
    pub(crate) sessions: usize,
    /// Of several nodes: how many sessions each user has, each on another node
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) devices: u8,
    /// How many messages a second go to everyone besides: how much do they delay the others?
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) everyone_rate: Option<u32>,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const SESSION_SEND_EXAMPLES: &str = "Examples:
  usher bench session-send
  usher bench session-send --rate 20000 --count 100000";

#[derive(Debug, Args)]
pub(crate) struct SessionSend {
    /// How many sessions: a third send, a third receive, a third get copies
    #[arg(long, value_name = "N", default_value = "6000", value_parser = sessions)]
    pub(crate) sessions: usize,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const BULK_EXAMPLES: &str = "Examples:
  usher bench bulk
  usher bench bulk --users 100 --rate 50";

#[derive(Debug, Args)]
pub(crate) struct Bulk {
    /// How many users a call names, each with a session
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) users: u16,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const CONNECT_EXAMPLES: &str = "Examples:
  usher bench connect
  usher bench connect --rate 500 --duration 30s";

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// How many are on their way at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) outstanding: u16,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const PLACEMENT_EXAMPLES: &str = "Examples:
  usher bench placement
  usher bench placement --nodes 5 --devices 2";

#[derive(Debug, Args)]
pub(crate) struct Placement {
    /// How many users
    #[arg(long, value_name = "N", default_value = "1000", value_parser = sessions)]
    pub(crate) users: usize,
    /// How many sessions each user has
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=128))]
    pub(crate) devices: u8,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) plan: Plan,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const STORM_EXAMPLES: &str = "Examples:
  usher bench storm
  usher bench storm --sessions 2000 --resumes-per-second 500
  usher bench storm --nodes 3 --sessions 6000";

#[derive(Debug, Args)]
pub(crate) struct Storm {
    /// How many sessions
    #[arg(long, value_name = "N", default_value = "10000", value_parser = sessions)]
    pub(crate) sessions: usize,
    /// Sessions that the node lets come back in a second, for each shard
    #[arg(long, value_name = "N", default_value_t = protocol::limit::RESUMES_PER_SECOND, conflicts_with = "server", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) resumes_per_second: u32,
    /// Of several nodes: how many messages a second go to users all the while
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,
    /// Of several nodes: for how long before one of them is killed
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(crate) duration: Duration,
    #[command(flatten)]
    pub(crate) nodes: Nodes,
    #[command(flatten)]
    pub(crate) place: Place,
}

const SOAK_EXAMPLES: &str = "Examples:
  usher bench soak --duration 1h -o json > soak.json
  usher bench soak --sessions 500 --duration 2m";

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How many users, each with a session
    #[arg(long, value_name = "N", default_value = "2000", value_parser = sessions)]
    pub(crate) sessions: usize,
    /// For how long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub(crate) duration: Duration,
    /// Messages a second, besides those for slow readers
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,
    /// Sessions a second that lose their socket, or leave for a new one
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) churn: u32,
    /// How often to look at the server
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) place: Place,
}
