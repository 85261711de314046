//! Secret: how the secret of an API key is given: as text, in a file, or as its hash.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::key::Key;

/// Reads a file of secrets; handed in, for files are the world.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Where the secret of a key is.
pub(super) enum Secret<'a> {
    Text(&'a str),
    File(PathBuf),
    Sha256(&'a str),
}

/// One key of `[[api.keys]]`.
pub(super) struct KeyField {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) form: &'static str,
    pub(super) help: &'static str,
}

/// All of them. One of the three that say the secret is to be given.
pub(super) const FIELDS: [KeyField; 5] = [
    KeyField { name: "name", default: "", form: "a string", help: "What logs call the key." },
    KeyField {
        name: "key_file",
        default: "",
        form: "a string",
        help: "A file with the secret; a relative path starts at the configuration file.",
    },
    KeyField {
        name: "key",
        default: "",
        form: "a string",
        help: "The secret itself, of at least 24 bytes.",
    },
    KeyField {
        name: "sha256",
        default: "",
        form: "a string",
        help: "The SHA-256 hash of the secret, as 64 hex digits.",
    },
    KeyField {
        name: "scope",
        default: "`\"full\"`",
        form: "`full` or `read`",
        help: "What the key is good for; `read` changes nothing.",
    },
];

impl Secret<'_> {
    /// The key that this secret makes.
    pub(super) fn key(&self, name: &str, read: ReadFile<'_>) -> Result<Key, String> {
        let weak = |weak: super::key::Weak| weak.to_string();
        match self {
            Self::Text(text) => Key::new(name, text).map_err(weak),
            Self::File(path) => {
                let text =
                    read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                let line = line.strip_suffix('\r').unwrap_or(line);
                Key::new(name, line).map_err(|weak| format!("{weak} (in {})", path.display()))
            }
            Self::Sha256(hex) => {
                let hash = sha256(hex).ok_or("sha256 must be 64 hex digits")?;
                Key::from_sha256(name, hash).map_err(weak)
            }
        }
    }

    /// The line of the file that would say the same, without what is secret.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(_) => "key = \"(set)\"".to_owned(),
            Self::File(path) => {
                format!("key_file = {}", toml::Value::from(path.display().to_string()))
            }
            Self::Sha256(_) => "sha256 = \"(set)\"".to_owned(),
        }
    }
}

fn sha256(hex: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}
