//! Target: the server under load, and how to address it.

use std::net::{SocketAddr, ToSocketAddrs};

use super::tls::Trust;
use crate::failure::{Failure, Kind};

/// What is said before the address of a server.
const SCHEME: &str = "http://";

/// The port of HTTP, where an address has none.
const PORT: u16 = 80;

/// The server under load.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// As it is called in heads of requests.
    pub(super) host: String,
    /// The key, as a header says it.
    pub(super) authorization: String,
    /// What trusts its certificate, where it speaks TLS.
    pub(super) trust: Option<Trust>,
}

impl Target {
    /// A server at this address.
    pub(super) fn at(address: SocketAddr, key: &str) -> Self {
        let authorization = format!("Bearer {key}");
        Self { address, host: address.to_string(), authorization, trust: None }
    }

    /// A server that somebody gave.
    pub(super) fn given(url: &str, key: &str) -> Result<Self, Failure> {
        let Some(host) = url.trim_end_matches('/').strip_prefix(SCHEME) else {
            let text = format!("{url} is not an http:// address; TLS is measured without --server");
            return Err(Failure::usage(text));
        };
        let found = host.to_socket_addrs().or_else(|_| (host, PORT).to_socket_addrs());
        let address = found.ok().and_then(|mut all| all.next()).ok_or_else(|| {
            Failure::new(Kind::Unreachable, format!("{host} is the name of no machine"))
        })?;
        Ok(Self { host: host.to_owned(), ..Self::at(address, key) })
    }
}

#[cfg(test)]
mod tests;
