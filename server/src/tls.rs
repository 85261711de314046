//! TLS: the certificate that a node shows, and the records in which its sockets then speak.
//!
//! rustls does the handshake and derives keys, and with TLS 1.2 makes the bytes of a record. What is
//! here is what it leaves to others: where the certificate comes from, when it is read again, which
//! bytes wait where, and the records of TLS 1.3 after the handshake, in little memory. See
//! docs/design/0006-tls.md and docs/design/0021-tls-records.md.
//!
//! Not here: sockets (`ws::socket`), and which port speaks TLS (`serve`).

pub(crate) mod renewal;
mod records;
mod traffic;
mod files;
#[cfg(test)]
mod fixture;

pub use self::files::{Files, Unusable, Which};
pub(crate) use self::{
    files::Pair,
    records::{PARTIAL_BYTES_MAX, Records},
};
