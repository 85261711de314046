//! Shape: how Redis is run, which decides what can befall it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How Redis is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// One server.
    #[default]
    Redis,
    /// A primary and two replicas, and three Sentinels who put one in the place of the other.
    Sentinel,
    /// A Cluster of three parts, each with a replica.
    Cluster,
    /// Two servers that know nothing of each other.
    Servers,
}

impl Shape {
    pub(crate) const ALL: [Self; 4] = [Self::Redis, Self::Sentinel, Self::Cluster, Self::Servers];

    /// Whether a server that is lost is replaced by one that may lack its last writes.
    pub(crate) fn has_replicas(self) -> bool {
        matches!(self, Self::Sentinel | Self::Cluster)
    }

    /// Whether a server is all that there is.
    pub(crate) fn is_one(self) -> bool {
        self == Self::Redis
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|shape| shape.to_string() == name);
        found.ok_or_else(|| format!("no engine {name}"))
    }
}
