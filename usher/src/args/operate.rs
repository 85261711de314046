//! What operators ask of nodes, and of users who misbehave.

use clap::{ArgGroup, Args as ClapArgs};
use protocol::{http::LongTtl, name::UserId};

use super::{Format, Server, long_ttl};

pub(super) const BLOCK_EXAMPLES: &str = "Examples:
  usher block alice
  usher block alice --ttl 3600
  usher block alice --lift
  usher block --list";

#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("whom").required(true).args(["user", "list"])))]
pub(crate) struct Block {
    /// Whom to keep out; sessions end, tickets are refused
    #[arg(value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// Seconds after which the user may come again; without it never
    #[arg(long, value_name = "SECONDS", value_parser = long_ttl, conflicts_with_all = ["lift", "list"])]
    pub(crate) ttl: Option<LongTtl>,
    /// Let the user in again
    #[arg(long, conflicts_with = "list")]
    pub(crate) lift: bool,
    /// List who is kept out
    #[arg(long)]
    pub(crate) list: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

pub(super) const NODES_EXAMPLES: &str = "Examples:
  usher nodes
  usher nodes -o json";

#[derive(Debug, ClapArgs)]
pub(crate) struct Nodes {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

pub(super) const DRAIN_EXAMPLES: &str = "Examples:
  usher drain
  usher drain n1";

#[derive(Debug, ClapArgs)]
pub(crate) struct Drain {
    /// Which; may be left out where there is one
    pub(crate) node: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) server: Server,
}

pub(super) const HEALTH_EXAMPLES: &str = "Examples:
  usher health
  usher health --server http://10.0.0.7:7328 || echo not ready";

#[derive(Debug, ClapArgs)]
pub(crate) struct Health {
    #[command(flatten)]
    pub(crate) server: Server,
}
