//! Failures, and the exit code that tells a script which kind it was.

use std::{fmt, process::ExitCode};

/// Why a command failed: one line that says what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    text: String,
}

/// The kinds of failure that scripts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It did not work.
    Failed,
    /// It was asked for in a wrong way, or the configuration is wrong.
    Usage,
    /// What it is about is not there.
    NotFound,
    /// The key was refused.
    KeyRefused,
    /// The server could not take it now.
    Overloaded,
    /// No server answered.
    Unreachable,
    /// A server did not answer in time, so the outcome is unknown.
    TimedOut,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(crate) fn failed(text: impl fmt::Display) -> Self {
        Self::new(Kind::Failed, text.to_string())
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Kind::Usage, text)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Failed | Kind::Overloaded => 1,
            Kind::Usage => 2,
            Kind::NotFound => 3,
            Kind::KeyRefused => 4,
            Kind::Unreachable => 5,
            Kind::TimedOut => 6,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}
