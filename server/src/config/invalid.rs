//! Invalid: what is wrong in the configuration, and where it was said.
//!
//! A detail never repeats a value that might be a secret: errors end up in logs.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody said anything.
    Default,
    /// The name of the machine.
    HostName,
    /// The descriptors that the process may have.
    Descriptors,
    /// A line of the file.
    Line {
        /// The file as it was named.
        file: Arc<str>,
        /// From 1.
        line: usize,
    },
    /// The file that `engine.url_file` names.
    UrlFile(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command.
    Flag(&'static str),
}

/// One thing that is wrong; shown as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub detail: String,
}

impl Place {
    /// Where a relative path starts that is written there: at the file, or where the process does.
    pub(super) fn folder(&self) -> &Path {
        let file = match self {
            Self::Line { file, .. } => Path::new(&**file).parent(),
            Self::Default
            | Self::HostName
            | Self::Descriptors
            | Self::UrlFile(_)
            | Self::Variable(_)
            | Self::Flag(_) => None,
        };
        file.unwrap_or_else(|| Path::new(""))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::HostName => f.write_str("host name"),
            Self::Descriptors => f.write_str("ulimit -n"),
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::UrlFile(file) => write!(f, "{} (engine.url_file)", file.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.detail)
    }
}

impl std::error::Error for Invalid {}
