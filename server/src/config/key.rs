//! API keys: kept as hashes, compared in constant time.

use std::fmt;

use protocol::limit::KEY_SECRET_BYTES_MIN;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::DEV_KEY;

/// A key that may call the API. The secret itself is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    sha256: [u8; 32],
}

/// The secret can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooShort;

impl Key {
    /// A key with this secret.
    ///
    /// # Errors
    /// [`TooShort`] below 24 bytes; the key of `usher dev` is below that.
    pub fn new(name: &str, secret: &str) -> Result<Self, TooShort> {
        if secret.len() < KEY_SECRET_BYTES_MIN {
            return Err(TooShort);
        }
        Ok(Self { name: name.to_owned(), sha256: Sha256::digest(secret).into() })
    }

    /// A key whose secret has this hash.
    #[must_use]
    pub fn from_sha256(name: &str, sha256: [u8; 32]) -> Self {
        Self { name: name.to_owned(), sha256 }
    }

    /// The key that everybody knows.
    #[must_use]
    pub fn dev() -> Self {
        Self { name: "dev".to_owned(), sha256: Sha256::digest(DEV_KEY).into() }
    }

    /// What its operator calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the key of `usher dev`.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.opens(DEV_KEY.as_bytes())
    }

    /// Whether `secret` is this key's; takes as long for a nearly right one as for any.
    #[must_use]
    pub fn opens(&self, secret: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(secret).into();
        hash.ct_eq(&self.sha256).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}
