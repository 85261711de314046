//! Plan: how long something is measured, how fast it is done, and how large a message is.

use std::time::Duration;

use clap::Args;

/// How long, and how fast.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// How many a second. Without it 2000 with send, 5000 with session-send, 1000 with placement, else
    /// the next when the last is done
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// For how long to measure
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    duration: Duration,
    /// How many to measure, instead of for how long
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// For how long to do the same before that
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub(crate) warm_up: Duration,
}

/// When it is enough.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stretch {
    For(Duration),
    Count(u64),
}

impl Plan {
    /// When it is enough.
    pub(crate) fn stretch(&self) -> Stretch {
        self.count.map_or(Stretch::For(self.duration), Stretch::Count)
    }

    /// For how long to look at what is done at rest, where that is of interest: as long as a lease,
    /// since all that is done at rest is done within that time.
    pub(crate) fn rest(&self) -> Duration {
        self.duration.min(protocol::limit::LEASE)
    }

    /// The same at this rate, where none was given.
    pub(crate) fn or_at(&self, rate: u32) -> Self {
        Self { rate: self.rate.or(Some(rate)), ..*self }
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Message {
    /// Bytes of `data` in each message
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(28..=65_536))]
    size: u32,
}

impl Message {
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }
}

/// Times as people write them.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("is no time such as 500ms, 10s, 2m or 1h".to_owned()),
    };
    let ms = number.parse().ok().and_then(|number: u64| number.checked_mul(unit_ms));
    ms.map(Duration::from_millis).ok_or_else(|| "is no time such as 500ms or 10s".to_owned())
}

#[cfg(test)]
mod tests;
