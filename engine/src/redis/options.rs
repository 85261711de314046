//! Options: what an operator says of Redis, and why it may be refused.

use std::{path::PathBuf, time::Duration};

use super::shape::Shape;

/// Where Redis is and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which servers.
    pub shape: Shape,
    /// Who signed their certificates, if the roots of the web did not; a file in PEM form.
    pub ca_file: Option<PathBuf>,
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
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            ca_file: None,
            prefix: "usher:".to_owned(),
            lease: Duration::from_secs(5),
            patience: Duration::from_secs(2),
        }
    }
}

/// Why this Redis is not used; each in one line that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
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
    /// Those who signed cannot be read.
    #[error("engine.ca_file {file}: {why}")]
    CaFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is not known to be who it should be.
    #[error(
        "Redis at {at} has a certificate that is not believed: {why}; name who signed it with \
         engine.ca_file, and the host as the certificate does"
    )]
    Certificate {
        /// Host and port.
        at: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its port is another.
    #[error("Redis at {at} does not speak TLS: {why}; name its TLS port, or write redis without s")]
    Plain {
        /// Host and port.
        at: String,
        /// What was seen.
        why: String,
    },
    /// Sentinels know no such server.
    #[error("the Sentinel at {at} knows no \"{name}\"; see to the name behind the / of engine.url")]
    Name {
        /// Host and port.
        at: String,
        /// What was asked for.
        name: String,
    },
    /// It is of another kind than the URL says.
    #[error("Redis at {at} is {is}; write {instead} in engine.url")]
    Kind {
        /// Host and port.
        at: String,
        /// What it is.
        is: &'static str,
        /// What to write.
        instead: &'static str,
    },
    /// It is one of other servers.
    #[error(
        "Redis at {at} has kept \"{found}\", and engine.url asks for \"{expected}\"; give all nodes \
         the same list, or stop them all and delete {key} on each server to change it"
    )]
    List {
        /// Host and port.
        at: String,
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// It wants a password.
    #[error("Redis at {at} wants a password, and engine.url has none for it")]
    NoPassword {
        /// Host and port.
        at: String,
    },
    /// It wants another user or password.
    #[error(
        "Redis at {at} does not let us in: {why}; see to user and password in the engine's URL"
    )]
    Password {
        /// Host and port.
        at: String,
        /// What it says.
        why: String,
    },
    /// Its user may not do all that is needed.
    #[error(
        "Redis at {at} does not let its user do all that is needed: {why}; docs/fleet.md has an ACL \
         that suffices"
    )]
    Forbids {
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
    /// It takes nothing more.
    #[error("Redis at {at} is full; raise its maxmemory, or take away what is not Usher's")]
    Full {
        /// Host and port.
        at: String,
    },
    /// Somebody else wrote there.
    #[error(
        "Redis at {at} has something under {key} that is not Usher's; delete that, or take another \
         engine.prefix"
    )]
    Foreign {
        /// Host and port.
        at: String,
        /// The key, or what all of them begin with.
        key: String,
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

impl Refused {
    /// Whether it may be there in a moment, as it was.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Which of two is told: what one that answers says is worth more than that another does not.
    pub(super) fn weightier(old: Option<Self>, new: Self) -> Self {
        old.filter(|old| !old.is_absence()).unwrap_or(new)
    }
}
