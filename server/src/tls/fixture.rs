//! Fixture: certificates for one test, and peers that know them.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::files::{Files, Pair};

/// The name in all of them.
pub(super) const NAME: &str = "usher.test";

/// A certificate and its key, in PEM form.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Made {
    /// Another one each time.
    pub(super) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        Self { cert: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Reads it, as if it were in files.
    pub(super) fn read(&self, path: &Path) -> io::Result<String> {
        match path.to_str() {
            Some("cert.pem") => Ok(self.cert.clone()),
            Some("key.pem") => Ok(self.key.clone()),
            _ => Err(io::Error::other("no such file")),
        }
    }

    pub(super) fn pair(&self) -> Pair {
        files().pair(&|path| self.read(path)).unwrap()
    }

    /// What a peer trusts that knows this certificate.
    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()).unwrap();
        roots
    }

    /// What a peer is told that knows this certificate and speaks this version.
    pub(super) fn known(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth()
    }
}

/// Where `Made` is found.
pub(super) fn files() -> Files {
    Files { cert: "cert.pem".into(), key: "key.pem".into() }
}

/// A peer that begins.
pub(super) fn peer(config: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(Arc::clone(config), ServerName::try_from(NAME).unwrap()).unwrap()
}
