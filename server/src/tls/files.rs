//! Files: where a certificate and its key are, and the pair that they make.
//!
//! What is wrong with them is said by the name of the file, and never by what is in it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::NoServerSessionStorage,
};
use sha2::{Digest, Sha256};

/// The protocol spoken inside. A WebSocket begins with this version of HTTP.
const ALPN: &[u8] = b"http/1.1";

/// Tickets after a handshake. One suffices to come back once, and brings the next.
const TICKETS: usize = 1;

/// Reads a file of text; handed in, for files are the world.
pub(crate) type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Where a certificate and its key are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The certificate, then those that lead from it to one that peers know; PEM.
    pub cert: PathBuf,
    /// The private key of the first; PEM.
    pub key: PathBuf,
}

/// A certificate and its key, as new sockets are shown them.
#[derive(Clone)]
pub(crate) struct Pair(Arc<ServerConfig>);

/// Why two files make no pair; shown as one line with the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unusable {
    /// The file to look at first.
    pub which: Which,
    detail: String,
}

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The certificate.
    Cert,
    /// Its key.
    Key,
}

/// What the files hold.
pub(super) struct Texts {
    cert: String,
    key: String,
}

/// Tells texts apart without keeping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Files {
    /// The pair that they make.
    pub(crate) fn pair(&self, read: Read<'_>) -> Result<Pair, Unusable> {
        self.pair_of(&self.texts(read)?)
    }

    pub(super) fn texts(&self, read: Read<'_>) -> Result<Texts, Unusable> {
        let text = |which| {
            let file = self.file(which);
            let unread = |error| Unusable::new(which, format!("cannot read {file}: {error}"));
            read(self.path(which)).map_err(unread)
        };
        Ok(Texts { cert: text(Which::Cert)?, key: text(Which::Key)? })
    }

    pub(super) fn pair_of(&self, texts: &Texts) -> Result<Pair, Unusable> {
        let (chain, key) = (self.chain(&texts.cert)?, self.private_key(&texts.key)?);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| self.no_pair(&error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // What a peer needs to come back faster is kept by the peer. The keys to it are new with
        // each pair, so that nobody comes back past another certificate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().map_err(|error| self.no_pair(&error))?;
        config.send_tls13_tickets = TICKETS;
        // After the handshake this end goes on with the keys alone.
        config.enable_secret_extraction = true;
        Ok(Pair(Arc::new(config)))
    }

    fn chain(&self, text: &str) -> Result<Vec<CertificateDer<'static>>, Unusable> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        match chain {
            Ok(chain) if chain.is_empty() => Err(self.no_pem(Which::Cert)),
            Ok(chain) => Ok(chain),
            Err(error) => Err(self.damaged(Which::Cert, &error)),
        }
    }

    fn private_key(&self, text: &str) -> Result<PrivateKeyDer<'static>, Unusable> {
        // Both forms in which a passphrase shows.
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            let file = self.file(Which::Key);
            let detail = format!(
                "the key in {file} has a passphrase, which nobody is there to type; write it \
                 without: openssl pkey -in {file} -out NEW_FILE"
            );
            return Err(Unusable::new(Which::Key, detail));
        }
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
            pem::Error::NoItemsFound => self.no_pem(Which::Key),
            error => self.damaged(Which::Key, &error),
        })
    }

    fn no_pem(&self, which: Which) -> Unusable {
        let file = self.file(which);
        Unusable::new(which, format!("there is no {} in {file}, in PEM form", which.name()))
    }

    /// Says nothing of what stands there: it may be the key.
    fn damaged(&self, which: Which, error: &pem::Error) -> Unusable {
        let (name, file) = (which.name(), self.file(which));
        let how = match error {
            pem::Error::MissingSectionEnd { .. } => "has no END line",
            pem::Error::IllegalSectionStart { .. } => "has a BEGIN line that is none",
            pem::Error::Base64Decode(_) => "is not Base64",
            _ => "cannot be read as PEM",
        };
        Unusable::new(which, format!("the {name} in {file} {how}"))
    }

    fn no_pair(&self, error: &rustls::Error) -> Unusable {
        let (cert, key) = (self.file(Which::Cert), self.file(Which::Key));
        match error {
            rustls::Error::InconsistentKeys(_) => {
                let detail = format!("the key in {key} is not that of the certificate in {cert}");
                Unusable::new(Which::Key, detail)
            }
            rustls::Error::InvalidCertificate(error) => {
                let detail = format!("the certificate in {cert} cannot be used: {error}");
                Unusable::new(Which::Cert, detail)
            }
            // All that is wrong with a key itself is told in this way.
            rustls::Error::General(_) => {
                let detail = format!(
                    "the key in {key} cannot be used: it must be RSA of 2048 to 8192 bits, ECDSA \
                     on P-256 or P-384, or Ed25519"
                );
                Unusable::new(Which::Key, detail)
            }
            error => Unusable::new(Which::Cert, format!("{cert} and {key}: {error}")),
        }
    }

    fn path(&self, which: Which) -> &Path {
        match which {
            Which::Cert => &self.cert,
            Which::Key => &self.key,
        }
    }

    fn file(&self, which: Which) -> std::path::Display<'_> {
        self.path(which).display()
    }
}

impl Pair {
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

impl Unusable {
    fn new(which: Which, detail: String) -> Self {
        Self { which, detail }
    }
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Cert => "certificate",
            Self::Key => "private key",
        }
    }
}

impl Texts {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        // The length keeps the end of one apart from the beginning of the other.
        let hash = Sha256::new()
            .chain_update(self.cert.len().to_le_bytes())
            .chain_update(&self.cert)
            .chain_update(&self.key);
        Fingerprint(hash.finalize().into())
    }
}

impl Fingerprint {
    /// What stands for files that cannot be read.
    pub(super) fn of(unusable: &Unusable) -> Self {
        Self(Sha256::digest(&unusable.detail).into())
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair")
    }
}

#[cfg(test)]
mod tests;
