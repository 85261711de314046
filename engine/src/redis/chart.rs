//! Chart: who keeps which slot of a Cluster, as one of its nodes says.

use std::ops::RangeInclusive;

use redis::{FromRedisValue, Pipeline, Value};

use super::{
    dial::{Dial, refused},
    host::Host,
    options::Refused,
    shape::Door,
};

/// Slots, and the primary that keeps them.
type Band = (RangeInclusive<u16>, String, u16);

/// Who keeps which slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chart(Vec<Band>);

impl Chart {
    /// Host and port of the primary that keeps a slot.
    pub(super) fn keeper(&self, slot: u16) -> Option<(&str, u16)> {
        let (_, host, port) = self.0.iter().find(|(slots, ..)| slots.contains(&slot))?;
        Some((host, *port))
    }

    /// Reads the answer to `CLUSTER SLOTS` of the node at `asked`.
    fn read(slots: &Value, asked: &Door) -> Option<Self> {
        let Value::Array(bands) = slots else { return None };
        bands.iter().map(|band| read_band(band, asked)).collect::<Option<_>>().map(Self)
    }
}

fn read_band(band: &Value, asked: &Door) -> Option<Band> {
    let Value::Array(parts) = band else { return None };
    let [first, last, Value::Array(primary), ..] = &parts[..] else { return None };
    let number = |value: &Value| match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    };
    let [host, port, ..] = &primary[..] else { return None };
    let host = match host {
        // It does not know its own name: it is where it was asked.
        Value::Nil => asked.host.to_string(),
        other => String::from_redis_value_ref(other).ok()?,
    };
    let host = if host.is_empty() { asked.host.to_string() } else { host };
    Some((number(first)?..=number(last)?, host, number(port)?))
}

fn question() -> Pipeline {
    let mut ask = Pipeline::new();
    ask.cmd("CLUSTER").arg("INFO");
    ask.cmd("CLUSTER").arg("SLOTS");
    ask
}

/// What a node that has a majority on its side says.
fn answer(info: &str, slots: &Value, asked: &Door) -> Option<Chart> {
    info.contains("cluster_state:ok").then(|| Chart::read(slots, asked)).flatten()
}

/// What a server says, if it is connected to, and knows.
pub(super) async fn of_host(host: &Host) -> Option<Chart> {
    let (info, slots): (String, Value) = host.link.pipe(&question()).await.ok()?;
    answer(&info, &slots, &host.link.door())
}

/// What a server says that is not connected to yet.
///
/// # Errors
/// If it does not know.
pub(super) async fn of_door(dial: &Dial, door: &Door) -> Result<Chart, Refused> {
    let mut line = dial.to(door).await?;
    let at = door.to_string();
    let answered = question().query_async::<(String, Value)>(&mut line).await;
    let (info, slots) = answered.map_err(|error| {
        let detail = format!("{error}");
        match detail.contains("cluster support disabled") {
            true => {
                let (is, instead) = ("of no Cluster", "redis://host:port");
                Refused::Kind { at: at.clone(), is, instead }
            }
            false => refused(door, &error),
        }
    })?;
    answer(&info, &slots, door).ok_or_else(|| {
        let why = "its Cluster has slots that nobody keeps, or no majority; see CLUSTER INFO";
        Refused::Unfit { at, why: why.to_owned() }
    })
}

#[cfg(test)]
mod tests;
