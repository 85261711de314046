//! Seconds: how long, as a request says it: whole seconds within a range.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{limit, whole};

/// Whole seconds from 1 to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seconds<const MAX: u64>(u64);

impl<const MAX: u64> Seconds<MAX> {
    /// That many seconds, if it is 1 to `MAX`.
    #[must_use]
    pub fn new(seconds: u64) -> Option<Self> {
        (1..=MAX).contains(&seconds).then_some(Self(seconds))
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<'de, const MAX: u64> Deserialize<'de> for Seconds<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const MAX: u64>;

        impl<const MAX: u64> de::Visitor<'_> for Visitor<MAX> {
            type Value = Seconds<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {MAX} seconds")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds<MAX>, E> {
                Seconds::new(seconds).ok_or_else(wrong::<E, MAX>)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Seconds<MAX>, E> {
                Err(wrong::<E, MAX>())
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds<MAX>, E> {
                whole::of(seconds).and_then(Seconds::new).ok_or_else(wrong::<E, MAX>)
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Seconds<MAX>, E> {
                Err(wrong::<E, MAX>())
            }
        }

        fn wrong<E: de::Error, const MAX: u64>() -> E {
            E::custom(format!("must be 1 to {MAX} seconds"))
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// A ticket's life: at most 10 minutes.
pub type TicketTtl = Seconds<{ limit::TICKET_TTL_MAX.as_secs() }>;

/// A message's life and a session's age: at most 30 days.
pub type LongTtl = Seconds<2_592_000>;
