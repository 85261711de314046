//! Options: what an operator says of Redis, and why it may be refused.

use std::{fmt, time::Duration};

use redis::IntoConnectionInfo;

/// Where Redis is and how it is used.
#[derive(Clone)]
pub struct Options {
    /// `redis://[user:password@]host:port`. A secret, for the password in it.
    pub url: String,
    /// What all keys begin with; clusters with different ones share a Redis without meeting.
    pub prefix: String,
    /// After what time without a renewal a node's sessions count as parked.
    pub lease: Duration,
    /// How long an answer may take before it counts as lost.
    pub patience: Duration,
}

impl Options {
    /// Those that fit most.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "usher:".to_owned(),
            lease: Duration::from_secs(5),
            patience: Duration::from_secs(2),
        }
    }
}

/// Whether this can be the URL of a Redis.
pub(crate) fn is_url(url: &str) -> bool {
    url.into_connection_info().is_ok()
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, prefix, lease, patience } = self;
        f.debug_struct("Options")
            .field("prefix", prefix)
            .field("lease", lease)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

/// Why this Redis is not used; each in one line that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The URL is none.
    #[error("the engine's URL is not redis://[user:password@]host:port")]
    Url,
    /// Databases share their pub/sub.
    #[error("the engine's URL names a database of Redis; give it a prefix instead")]
    Database,
    /// A prefix with braces would choose the slot.
    #[error("the engine's prefix must have no braces and at most 64 bytes")]
    Prefix,
    /// Nobody answers.
    #[error("Redis at {at} does not answer: {why}")]
    Unreachable {
        /// Host and port.
        at: String,
        /// What the system says.
        why: String,
    },
    /// It wants a user or a password, or another one.
    #[error(
        "Redis at {at} does not let us in: {why}; see to user and password in the engine's URL"
    )]
    Password {
        /// Host and port.
        at: String,
        /// What it says.
        why: String,
    },
    /// It is too old.
    #[error("Redis at {at} is version {version}; 7.0 or later is needed")]
    TooOld {
        /// Host and port.
        at: String,
        /// What it is.
        version: String,
    },
    /// It is a replica.
    #[error("Redis at {at} is a replica and takes no writes; name its primary")]
    Replica {
        /// Host and port.
        at: String,
    },
    /// It may throw away what was accepted.
    #[error(
        "Redis at {at} has maxmemory-policy {policy}, which drops sessions and messages; set it to \
         noeviction"
    )]
    Evicts {
        /// Host and port.
        at: String,
        /// What it is set to.
        policy: String,
    },
    /// What is kept there has another order.
    #[error(
        "Redis at {at} keeps \"{found}\" under {key}, and not \"{expected}\"; use another prefix, or \
         delete what is under this one"
    )]
    Layout {
        /// Host and port.
        at: String,
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// Something else.
    #[error("Redis at {at} cannot be used: {why}")]
    Unfit {
        /// Host and port.
        at: String,
        /// What it says.
        why: String,
    },
}
