//! Events: the feed of a node, as Server-Sent Events (HTML standard, section 9.2).
//!
//! Here is what a watcher may ask for; `feed` is what it gets.

mod feed;

use std::{fmt, sync::Arc};

use axum::{
    Extension,
    extract::{FromRequestParts, State},
};
use http::{HeaderName, request::Parts};
use protocol::{
    event::{Kind, Number},
    limit,
    name::UserId,
    problem::ProblemCode,
    suggest::nearest,
};
use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Deserializer, de};
use tokio::sync::mpsc;

pub(super) use self::feed::Cut;
use self::feed::{Feed, Lines, WAITING};
use super::{
    shape::{Header, Shape, Takes},
    taken::{InQuery, bad},
};
use crate::{answer::Refusal, journal::Filter, node::Node};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events to watch.
#[derive(Debug, Default, JsonSchema)]
pub(super) struct Wanted {
    /// Only those about this user.
    user: Option<UserId>,
    /// Only those of these types. Several may be in one parameter, with commas between them.
    r#type: Option<Vec<Kind>>,
}

/// The last event that a watcher has, if it comes back.
#[derive(Debug)]
pub(super) struct LastEvent(Option<Number>);

/// `GET /v1/events`
pub(super) async fn watch(
    State(node): State<Arc<Node>>,
    Extension(cut): Extension<Cut>,
    LastEvent(after): LastEvent,
    InQuery(Wanted { user, r#type }): InQuery<Wanted>,
) -> Result<Lines, Refusal> {
    let Ok(place) = Arc::clone(&node.watchers).try_acquire_owned() else {
        let detail = format!("{} watch already; no more may", limit::EVENT_WATCHERS_MAX);
        return Err(Refusal { detail, ..Refusal::later(ProblemCode::Overloaded) });
    };
    let kinds = r#type.unwrap_or_default();
    let wants_stats = kinds.contains(&Kind::Stats);
    node.listen();
    let filter = Filter { user, kinds, ..Filter::default() };
    let watcher = match &after {
        Some(after) => node.journal().watch_after(filter, after),
        None => node.journal().watch(filter),
    };
    let (out, lines) = mpsc::channel(WAITING);
    let feed = Feed { node, watcher, out, cut, place };
    tokio::spawn(feed.run(wants_stats, after.is_none()));
    Ok(Lines(lines))
}

impl<'de> Deserialize<'de> for Wanted {
    /// By hand, since a parameter may be there several times.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Wanted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("parameters")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Wanted, A::Error> {
                let mut wanted = Wanted::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "user" if wanted.user.is_some() => {
                            return Err(de::Error::custom("user is there twice"));
                        }
                        "user" => wanted.user = Some(map.next_value()?),
                        "type" => {
                            let names: String = map.next_value()?;
                            let kinds = names.split(',').map(kind).collect::<Result<Vec<_>, _>>();
                            let kinds = kinds.map_err(de::Error::custom)?;
                            wanted.r#type.get_or_insert_default().extend(kinds);
                        }
                        _ => return Err(de::Error::unknown_field(&name, &["user", "type"])),
                    }
                }
                Ok(wanted)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| {
        let known = || Kind::ALL.iter().map(|kind| kind.name());
        match nearest(name, known()) {
            Some(near) => format!("there is no such type of events; did you mean {near}?"),
            None => format!("type must be one of {}", known().collect::<Vec<_>>().join(", ")),
        }
    })
}

impl FromRequestParts<Arc<Node>> for LastEvent {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Node>) -> Result<Self, Refusal> {
        let value = parts.headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty());
        let number = value.map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
        match number {
            None => Ok(Self(None)),
            Some(Some(number)) => Ok(Self(Some(number))),
            Some(None) => Err(bad("Last-Event-ID is not the id of an event")),
        }
    }
}

impl Takes for LastEvent {
    fn tell(shape: &mut Shape) {
        shape.headers.push(Header {
            name: "last-event-id",
            about: "The last `id` of a feed that was lost; the new one goes on from there.",
            schema: |_| json_schema!({ "type": "string", "pattern": r"^.+\.[0-9a-f]+\.[0-9]+$" }),
        });
        shape.problems.push(ProblemCode::BadParameter);
    }
}
