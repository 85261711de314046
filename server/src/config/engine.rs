//! Engine: what keeps registry and streams, and where.

use std::fmt;

/// `[engine]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Which one.
    pub url: EngineUrl,
    /// What its keys begin with, in a store that others use too.
    pub prefix: String,
}

/// Which engine, as its URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineUrl {
    /// The memory of the process.
    Memory,
}

impl EngineUrl {
    /// Reads a URL, if this version has such an engine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text == "memory:").then_some(Self::Memory)
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self { url: EngineUrl::Memory, prefix: "usher:".to_owned() }
    }
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
        }
    }
}
