//! TLS: the certificate that a node shows, and the records in which its sockets then speak.
//!
//! rustls does what has to be right: the handshake, the keys, the bytes of a record. What is here
//! is what it leaves to others: where the certificate comes from, when it is read again, and which
//! bytes wait where. See docs/design/0006-tls.md.
//!
//! Not here: sockets (`ws::socket`), and which port speaks TLS (`serve`).

pub(crate) mod renewal;
mod records;
mod files;
#[cfg(test)]
mod fixture;

pub use self::files::{Files, Unusable, Which};
pub(crate) use self::{
    files::Pair,
    records::{PARTIAL_BYTES_MAX, Records},
};
