//! Names that the app chooses: users, devices, device classes.
//!
//! Opaque to us and compared byte for byte: braces, slashes and emoji are legal. What is refused
//! is what breaks logs and paths: control characters, `.` and `..`, nothing, and too much.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit::NAME_BYTES_MAX;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It has no bytes.
    Empty,
    /// It has more than [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// It has a control character (Unicode category Cc).
    Control,
    /// It is `.` or `..`, which paths swallow.
    Dots,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty",
            Self::TooLong => "must have at most 128 bytes",
            Self::Control => "must have no control characters",
            Self::Dots => "must not be `.` or `..`",
        })
    }
}

impl std::error::Error for Invalid {}

fn check(text: &str) -> Result<(), Invalid> {
    match text {
        "" => Err(Invalid::Empty),
        "." | ".." => Err(Invalid::Dots),
        _ if text.len() > NAME_BYTES_MAX => Err(Invalid::TooLong),
        _ if text.chars().any(char::is_control) => Err(Invalid::Control),
        _ => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(Arc<str>);

        impl $Name {
            /// Parses a name: 1 to 128 bytes of UTF-8, no control characters, not `.` or `..`.
            ///
            /// # Errors
            /// Says which of these rules the text breaks.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                check(text).map(|()| Self(text.into()))
            }

            /// The name as it came.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// Who the app says is there.
    UserId
}
name! {
    /// One install of a user's app.
    DeviceId
}
name! {
    /// A class of devices, such as `phone` or `desktop`, as the app divides them.
    DeviceClass
}

#[cfg(test)]
mod tests;
