//! API keys: kept as hashes, compared in constant time.

use std::{fmt, sync::Arc};

use protocol::limit::KEY_SECRET_BYTES_MIN;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{DEV_KEY, SAMPLE_KEY};

/// A key that may call the API. The secret itself is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: Arc<str>,
    sha256: [u8; 32],
    scope: Scope,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To look, and to change nothing.
    Read,
    /// For every call.
    Full,
}

impl Scope {
    /// What the file says, if it is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Read, Self::Full].into_iter().find(|scope| scope.name() == name)
    }

    /// As the file says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
        }
    }
}

/// Why a secret is not accepted. Shown, it says what to do and nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// There is none.
    #[error("the secret is empty; {MAKE_ONE}")]
    Empty,
    /// It can be guessed.
    #[error("the secret must have at least {KEY_SECRET_BYTES_MIN} bytes; {MAKE_ONE}")]
    TooShort,
    /// It is the one of `usher dev` or of the documentation.
    #[error(
        "the secret is one that everybody knows, from usher dev or the documentation; {MAKE_ONE}"
    )]
    Known,
    /// It does not fit in a header.
    #[error("the secret must be visible ASCII characters on one line; {MAKE_ONE}")]
    NotText,
}

const MAKE_ONE: &str = "make one with: openssl rand -hex 32";

impl Key {
    /// A key with this secret, good for every call.
    ///
    /// # Errors
    /// [`Weak`] if it could be guessed, or could not be sent.
    pub fn new(name: &str, secret: &str) -> Result<Self, Weak> {
        if secret.is_empty() {
            return Err(Weak::Empty);
        }
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Weak::NotText);
        }
        let key = Self::from_sha256(name, Sha256::digest(secret).into())?;
        if secret.len() < KEY_SECRET_BYTES_MIN { Err(Weak::TooShort) } else { Ok(key) }
    }

    /// A key whose secret has this hash, good for every call.
    ///
    /// # Errors
    /// [`Weak::Known`] if it is the hash of a secret that everybody knows.
    pub fn from_sha256(name: &str, sha256: [u8; 32]) -> Result<Self, Weak> {
        let key = Self { name: name.into(), sha256, scope: Scope::Full };
        let known = [DEV_KEY, SAMPLE_KEY].iter().any(|secret| key.opens(secret.as_bytes()));
        if known { Err(Weak::Known) } else { Ok(key) }
    }

    /// The key that everybody knows.
    #[must_use]
    pub fn dev() -> Self {
        Self { name: "dev".into(), sha256: Sha256::digest(DEV_KEY).into(), scope: Scope::Full }
    }

    /// The same key, good for this.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// What its operator calls it.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is good for.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether one secret opens both.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
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
