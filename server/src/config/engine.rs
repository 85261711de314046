//! Engine: what keeps registry and streams, and where.

use std::{path::PathBuf, time::Duration};

use engine::place::Place;
use protocol::limit;

/// `[engine]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Which one, and where.
    pub url: Place,
    /// A file with the URL, since there may be a password in it.
    pub url_file: Option<PathBuf>,
    /// Who signed the certificates of its servers, where the roots of the web did not.
    pub ca_file: Option<PathBuf>,
    /// What its keys begin with, in a store that others use too.
    pub prefix: String,
    /// After what time without a sign of a node its sessions count as parked.
    pub lease: Duration,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            url: Place::Memory,
            url_file: None,
            ca_file: None,
            prefix: "usher:".to_owned(),
            lease: limit::LEASE,
        }
    }
}
