//! Arguments: what can be asked for on the command line.

pub(crate) mod bench;
mod operate;

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use protocol::{
    grant::SendGrant,
    http::{LongTtl, TicketTtl},
    id::SessionId,
    name::{DeviceClass, DeviceId, UserId},
    target::Target,
};

pub(crate) use self::operate::{Block, Drain, Health, Nodes};
use crate::failure::Failure;

/// Delivers messages to people, not to sockets.
#[derive(Debug, Parser)]
#[command(name = "usher", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node to try things on: in memory, this machine only, no configuration
    #[command(after_help = DEV_EXAMPLES)]
    Dev(Dev),
    /// Run a node
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Get a ticket, which opens one session
    #[command(after_help = TICKET_EXAMPLES)]
    Ticket(Ticket),
    /// Send a message to a user
    #[command(after_help = SEND_EXAMPLES)]
    Send(Send),
    /// List sessions
    #[command(after_help = SESSIONS_EXAMPLES)]
    Sessions(Sessions),
    /// End sessions of a user, or one session
    #[command(after_help = KICK_EXAMPLES)]
    Kick(Kick),
    /// Keep a user out, let one in again, or list who is kept out
    #[command(after_help = operate::BLOCK_EXAMPLES)]
    Block(Block),
    /// Be a session: print frames, send lines
    #[command(after_help = CONNECT_EXAMPLES)]
    Connect(Connect),
    /// Follow what happens: one line for each event
    #[command(after_help = EVENTS_EXAMPLES)]
    Events(Events),
    /// List nodes
    #[command(after_help = operate::NODES_EXAMPLES)]
    Nodes(Nodes),
    /// Ask a node to send its sessions away and exit
    #[command(after_help = operate::DRAIN_EXAMPLES)]
    Drain(Drain),
    /// Ask a node whether it is ready
    #[command(after_help = operate::HEALTH_EXAMPLES)]
    Health(Health),
    /// Measure what a node costs on this machine
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
    /// Look at the configuration
    #[command(after_help = CONFIG_EXAMPLES)]
    Config(Config),
    /// Print a script that completes commands in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
}

const DEV_EXAMPLES: &str = "Examples:
  usher dev
  usher dev --listen 127.0.0.1:9000
  usher dev --json";

#[derive(Debug, ClapArgs)]
pub(crate) struct Dev {
    /// Where to listen; a loopback address. Without it port 7328, or the next free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// What keeps sessions and messages: memory: or redis://host:port
    #[arg(long, value_name = "URL")]
    pub(crate) engine: Option<String>,
    /// Print one JSON object per line: first the URLs and the key, then events
    #[arg(long)]
    pub(crate) json: bool,
}

const SERVE_EXAMPLES: &str = "Examples:
  usher serve --config usher.toml
  head -c 32 /dev/urandom | base64 > key && usher serve --key-file key
  USHER_KEY=$(cat key) usher serve --listen 0.0.0.0:7328 --public-url wss://ws.example.com";

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// The node's name
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// The address that tickets name
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// What keeps sessions and messages: memory: or, for nodes to share, redis://host:port, several
    /// of them, redis+sentinel://host:port/name or redis+cluster://host:port; rediss for TLS
    #[arg(long, value_name = "URL")]
    pub(crate) engine: Option<String>,
    /// A file with an API key of at least 24 bytes
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// How to log: text, or json for programs
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log: Option<String>,
}

/// Which server to talk to.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Server {
    /// The server's address
    #[arg(
        long = "server",
        value_name = "URL",
        env = "USHER_URL",
        default_value = "http://127.0.0.1:7328"
    )]
    pub(crate) url: String,
    /// The API key; better given by USHER_KEY or --key-file, which a process list does not show
    #[arg(long, value_name = "KEY", env = "USHER_KEY", hide_env_values = true)]
    key: Option<String>,
    /// A file with the API key; USHER_KEY_FILE names one as well
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with certificates (PEM) of the authority that vouches for the server, if that is
    /// none of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Server {
    /// The key to it.
    pub(crate) fn key(&self) -> Result<String, Failure> {
        key(self.key_file.as_deref(), self.key.as_deref())
    }
}

/// The key to a server: a file that a flag names, the key itself, a file that the environment
/// names, or else the one of `usher dev`. So a flag wins over either variable.
fn key(file: Option<&Path>, key: Option<&str>) -> Result<String, Failure> {
    let read = |file: &Path| {
        fs::read_to_string(file)
            .map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))
    };
    let key = match (file, key, env::var_os("USHER_KEY_FILE")) {
        (Some(file), _, _) => read(file)?,
        (None, Some(key), _) => key.to_owned(),
        (None, None, Some(file)) => read(Path::new(&file))?,
        (None, None, None) => server::config::DEV_KEY.to_owned(),
    };
    Ok(key.trim_end().to_owned())
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs: what the API said
    Json,
}

const TICKET_EXAMPLES: &str = "Examples:
  usher ticket alice
  usher ticket alice --device phone --device-class mobile --url
  websocat \"$(usher ticket alice --url)\"";

/// What a ticket is for.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Grant {
    /// On which device
    #[arg(long, value_parser = DeviceId::parse)]
    pub(crate) device: Option<DeviceId>,
    /// Of which class of devices
    #[arg(long, value_name = "CLASS", value_parser = DeviceClass::parse)]
    pub(crate) device_class: Option<DeviceClass>,
    /// To whom the session may send: none, any, or users with commas between them
    #[arg(long, value_name = "USERS", value_parser = send_grant)]
    pub(crate) send: Option<SendGrant>,
    /// Only one session: this one replaces others of the user
    #[arg(long)]
    pub(crate) single: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Ticket {
    /// Whose session it will open
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: UserId,
    #[command(flatten)]
    pub(crate) grant: Grant,
    /// Seconds within which it must be used
    #[arg(long, value_name = "SECONDS", value_parser = ticket_ttl)]
    pub(crate) ttl: Option<TicketTtl>,
    /// Print a whole WebSocket URL
    #[arg(long = "url", conflicts_with = "output")]
    pub(crate) as_url: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

const SEND_EXAMPLES: &str = "Examples:
  usher send alice hi
  usher send alice '{\"order\":7,\"state\":\"paid\"}' --to active
  echo '{\"n\":1}' | usher send alice -";

#[derive(Debug, ClapArgs)]
pub(crate) struct Send {
    /// To whom
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: UserId,
    /// What: JSON, or else a string; - reads it from standard input
    pub(crate) data: String,
    /// To which sessions: all, active, device:ID, class:NAME or session:ID
    #[arg(long, value_parser = Target::parse)]
    pub(crate) to: Option<Target>,
    /// A session that does not get it
    #[arg(long, value_name = "SESSION", value_parser = SessionId::parse)]
    pub(crate) except: Option<SessionId>,
    /// Only to sessions that are live and keep up
    #[arg(long)]
    pub(crate) volatile: bool,
    /// Seconds after which nobody wants it any more
    #[arg(long, value_name = "SECONDS", value_parser = long_ttl)]
    pub(crate) ttl: Option<LongTtl>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

const SESSIONS_EXAMPLES: &str = "Examples:
  usher sessions
  usher sessions alice -o json";

#[derive(Debug, ClapArgs)]
pub(crate) struct Sessions {
    /// Whose; without it everybody's
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

const KICK_EXAMPLES: &str = "Examples:
  usher kick alice
  usher kick alice --except s_b01jYx4CkS0Vq9fYw8ZrGt2a
  usher kick --session s_b01jYx4CkS0Vq9fYw8ZrGt2a";

#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("which").required(true).args(["user", "session"])))]
pub(crate) struct Kick {
    /// Whose sessions
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// A session that stays
    #[arg(long, value_name = "SESSION", value_parser = SessionId::parse, requires = "user")]
    pub(crate) except: Option<SessionId>,
    /// Only this session
    #[arg(long, value_parser = SessionId::parse)]
    pub(crate) session: Option<SessionId>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

const CONNECT_EXAMPLES: &str = "Examples:
  usher connect alice
  usher connect alice --device phone --to bob
  usher connect alice --lose-socket 5s
  echo '{\"type\":\"active\"}' | usher connect alice

A line that is a frame, such as {\"type\":\"active\"}, is sent as it is. Any other line is sent as
data to the user of --to, or else to the user's own other sessions.

A socket that is lost is replaced, and the session resumes. It ends with code 44xx, on Ctrl-C, or
with the line {\"type\":\"leave\"}.";

#[derive(Debug, ClapArgs)]
pub(crate) struct Connect {
    /// Who to be
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: UserId,
    #[command(flatten)]
    pub(crate) grant: Grant,
    /// To whom lines are sent
    #[arg(long, value_name = "USER", value_parser = UserId::parse)]
    pub(crate) to: Option<UserId>,
    /// Lose the socket on purpose, once: without a word after that time, to come back after as
    /// much again. What is sent meanwhile is then replayed
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) lose_socket: Option<Duration>,
    #[command(flatten)]
    pub(crate) server: Server,
}

const EVENTS_EXAMPLES: &str = "Examples:
  usher events
  usher events --user alice -o json
  usher events --type session.ended,ticket.refused
  usher events --type stats

Ends on Ctrl-C. A server that goes away is waited for, and what happened meanwhile is told if it
still knows it.";

#[derive(Debug, ClapArgs)]
pub(crate) struct Events {
    /// Only those about this user
    #[arg(long, value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// Only those of this type, such as session.opened; may be given several times
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub(crate) r#type: Vec<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

const CONFIG_EXAMPLES: &str = "Examples:
  usher config check --config usher.toml --key-file usher.key
  usher config show --config usher.toml
  usher config default > usher.toml";

#[derive(Debug, ClapArgs)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong with the configuration, if anything
    Check(ConfigFile),
    /// Print the configuration in force, and where each value comes from; secrets are not shown
    Show(ConfigFile),
    /// Print a configuration file with every key and its default
    Default,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// A file with an API key, as usher serve is given it
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

const COMPLETIONS_EXAMPLES: &str = "Examples:
  usher completions bash > /etc/bash_completion.d/usher
  usher completions zsh > ~/.zfunc/_usher";

#[derive(Debug, ClapArgs)]
pub(crate) struct Completions {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

/// A time such as `3s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    const WRONG: &str = "must be a time such as 500ms, 3s or 2m";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().or(Err(WRONG))?;
    let unit = match &text[digits.len()..] {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        _ => return Err(WRONG.to_owned()),
    };
    Ok(unit * number)
}

fn ticket_ttl(text: &str) -> Result<TicketTtl, String> {
    let seconds = text.parse().ok().and_then(TicketTtl::new);
    seconds.ok_or_else(|| "must be 1 to 600 seconds".to_owned())
}

fn long_ttl(text: &str) -> Result<LongTtl, String> {
    let seconds = text.parse().ok().and_then(LongTtl::new);
    seconds.ok_or_else(|| "must be 1 to 2592000 seconds".to_owned())
}

fn send_grant(text: &str) -> Result<SendGrant, protocol::name::Invalid> {
    match text {
        "none" => Ok(SendGrant::None),
        "any" => Ok(SendGrant::Any),
        users => {
            users.split(',').map(UserId::parse).collect::<Result<_, _>>().map(SendGrant::Users)
        }
    }
}
