//! TLS: a certificate for one measurement, and the load's end of sockets that are encrypted.

use std::{
    env, fmt,
    fs::{self, DirBuilder},
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::ring, pki_types::ServerName};
use server::random;

use crate::failure::Failure;

/// Only its owner may look into the directory.
const PRIVATE: u32 = 0o700;

/// A certificate and its key in files, which exist as long as this does.
#[derive(Debug)]
pub(super) struct Certificate {
    directory: PathBuf,
}

impl Certificate {
    /// Makes one for a node at this address, and what trusts it and nothing else.
    pub(super) fn make(node: IpAddr) -> Result<(Self, Trust), Failure> {
        let made =
            rcgen::generate_simple_self_signed([node.to_string()]).map_err(Failure::failed)?;
        let name = format!("usher-bench-{:032x}", random::bits());
        let this = Self { directory: env::temp_dir().join(name) };
        DirBuilder::new().mode(PRIVATE).create(&this.directory).map_err(Failure::failed)?;
        fs::write(this.cert_file(), made.cert.pem()).map_err(Failure::failed)?;
        fs::write(this.key_file(), made.signing_key.serialize_pem()).map_err(Failure::failed)?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).map_err(Failure::failed)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok((this, Trust(Arc::new(config))))
    }

    pub(super) fn cert_file(&self) -> PathBuf {
        self.directory.join("cert.pem")
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.directory.join("key.pem")
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).ok();
    }
}

/// What trusts the node's certificate.
#[derive(Debug, Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

/// What encrypts one socket.
pub(super) struct Seal(Box<ClientConnection>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    pub(super) fn open(trust: &Trust, to: SocketAddr) -> io::Result<Self> {
        let name = ServerName::IpAddress(to.ip().into());
        let made = ClientConnection::new(Arc::clone(&trust.0), name);
        made.map(|made| Self(Box::new(made))).map_err(io::Error::other)
    }

    /// Takes what is to be sent; [`Seal::flush`] sends it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.writer().write_all(bytes)
    }

    /// Sends what can be sent now.
    pub(super) fn flush(&mut self, to: &mut impl Write) -> io::Result<()> {
        while self.0.wants_write() {
            match self.0.write_tls(to) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads on, as a socket without it is read.
    pub(super) fn read(
        &mut self,
        stream: &mut (impl Read + Write),
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.0.read_tls(stream)? == 0 {
                return Ok(0);
            }
            self.0.process_new_packets().map_err(io::Error::other)?;
            // The handshake goes on with an answer.
            self.flush(stream)?;
        }
    }
}
