//! Kept: how users, sessions, tickets and tokens are written down in Redis.
//!
//! As JSON: it is read in an emergency by people, by scripts where they must, and by later versions
//! that have more fields. What cannot be read is not ours, and is an error.

use std::{net::IpAddr, sync::Arc, time::Duration};

use kernel::{
    message::{Fence, NodeRef},
    registry::{Grant, IssuedTicket, Probe, Standing, State, TicketState},
};
use protocol::{
    close::CloseCode,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{ResumeToken, SessionId},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::link::Fault;

/// Writes a value of ours.
pub(super) fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our values have names for keys, and end")
}

/// Reads a value that should be ours.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).or(Err(Fault::Foreign))
}

/// Reads a number that should be ours.
pub(super) fn number(text: &str) -> Result<u64, Fault> {
    text.parse().or(Err(Fault::Foreign))
}

/// Reads a node's name and generation.
pub(super) fn node(text: &str) -> Result<Arc<NodeRef>, Fault> {
    let (id, generation) = text.rsplit_once('.').ok_or(Fault::Foreign)?;
    let generation = u64::from_str_radix(generation, 16).or(Err(Fault::Foreign))?;
    Ok(Arc::new(NodeRef { id: id.into(), generation }))
}

/// Reads a user's name.
pub(super) fn user(text: &str) -> Result<UserId, Fault> {
    UserId::parse(text).or(Err(Fault::Foreign))
}

/// Reads the name of a session.
pub(super) fn session(text: &str) -> Result<SessionId, Fault> {
    SessionId::parse(text).or(Err(Fault::Foreign))
}

/// Reads until when a user is kept out, where that was said.
pub(super) fn until(text: &str) -> Result<Option<Timestamp>, Fault> {
    if text == "-" { Ok(None) } else { Ok(Some(Timestamp(number(text)?))) }
}

/// Reads two numbers with a space between.
pub(super) fn position(text: &str) -> Result<Position, Fault> {
    let (epoch, seq) = text.split_once(' ').ok_or(Fault::Foreign)?;
    Ok(Position { epoch: number(epoch)?, seq: number(seq)? })
}

/// What a resume token leads to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Token {
    /// A session of that user.
    User(UserId),
    /// A session that ended with that code.
    Ended(u16),
}

impl Token {
    /// The code, if its session ended.
    pub(super) fn code(&self) -> Result<Option<CloseCode>, Fault> {
        match self {
            Self::User(_) => Ok(None),
            Self::Ended(code) => CloseCode::from_number(*code).map(Some).ok_or(Fault::Foreign),
        }
    }
}

/// A ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The partition's epoch when it was issued: of another primary it may be spent already.
    pub(super) epoch: String,
    pub(super) until: Timestamp,
    pub(super) user: UserId,
    pub(super) state: Spending,
}

/// What became of a ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Spending {
    Good(Box<Leave>),
    Spent {
        by: SessionId,
        /// The token of that session, sealed.
        seal: String,
    },
}

/// What a ticket leaves to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Leave {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<DeviceClass>,
    policy: Policy,
    send: SendGrant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Meta::is_empty")]
    meta: Meta,
}

impl From<&Grant> for Leave {
    fn from(grant: &Grant) -> Self {
        let ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Self {
            device: grant.device.clone(),
            class: grant.class.clone(),
            policy: grant.policy,
            send: grant.send.clone(),
            origin: grant.origin.clone(),
            max_age_ms: grant.max_age.map(ms),
            meta: grant.meta.clone(),
        }
    }
}

impl Ticket {
    /// As the rules see it.
    pub(super) fn issued(self) -> IssuedTicket {
        let state = match self.state {
            Spending::Spent { by, seal: _ } => TicketState::Spent { by },
            Spending::Good(leave) => TicketState::Good(Box::new(Grant {
                user: self.user,
                device: leave.device,
                class: leave.class,
                policy: leave.policy,
                send: leave.send,
                origin: leave.origin,
                max_age: leave.max_age_ms.map(Duration::from_millis),
                meta: leave.meta,
            })),
        };
        IssuedTicket { state, expires_at: self.until }
    }
}

/// A session, but for what has a place of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<DeviceClass>,
    node: String,
    /// Since when it is parked, and until when it may resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parked: Option<(Timestamp, Timestamp)>,
    fence: u64,
    created: Timestamp,
    connected: Timestamp,
    active: Timestamp,
    ends: Timestamp,
    #[serde(default, skip_serializing_if = "is_usual")]
    policy: Policy,
    token: ResumeToken,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<ResumeToken>,
    address: IpAddr,
    first: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acked: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    send: SendGrant,
    #[serde(default, skip_serializing_if = "Meta::is_empty")]
    meta: Meta,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probe: Option<Asked>,
}

fn is_usual(policy: &Policy) -> bool {
    *policy == Policy::default()
}

/// Whether anybody is at a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    asked: Option<Timestamp>,
    heard: Option<Timestamp>,
    by: Vec<String>,
}

impl From<&Standing> for Session {
    fn from(one: &Standing) -> Self {
        let (node, parked) = match &one.state {
            State::Live(node) => (node, None),
            State::Parked { node, at, until } => (node, Some((*at, *until))),
        };
        let probe = one.probe.as_ref().map(|probe| Asked {
            asked: probe.asked_at,
            heard: probe.heard_at,
            by: probe.askers.iter().map(ToString::to_string).collect(),
        });
        Self {
            device: one.device.clone(),
            class: one.class.clone(),
            node: node.to_string(),
            parked,
            fence: one.fence.0,
            created: one.created_at,
            connected: one.connected_at,
            active: one.active_at,
            ends: one.ends_at,
            policy: one.policy,
            token: one.token,
            previous: one.previous_token,
            address: one.address,
            first: one.first,
            acked: one.acked,
            held: one.held_until,
            origin: one.origin.clone(),
            send: one.send.clone(),
            meta: one.meta.clone(),
            probe,
        }
    }
}

impl Session {
    /// As the rules see it.
    pub(super) fn standing(self, id: SessionId, joined: Position) -> Result<Standing, Fault> {
        let node = node(&self.node)?;
        let state = match self.parked {
            None => State::Live(node),
            Some((at, until)) => State::Parked { node, at, until },
        };
        let probe = |asked: Asked| -> Result<Probe, Fault> {
            let askers = asked.by.iter().map(|text| self::node(text)).collect::<Result<_, _>>()?;
            Ok(Probe { asked_at: asked.asked, heard_at: asked.heard, askers })
        };
        Ok(Standing {
            id,
            device: self.device,
            class: self.class,
            state,
            fence: Fence(self.fence),
            created_at: self.created,
            connected_at: self.connected,
            active_at: self.active,
            ends_at: self.ends,
            policy: self.policy,
            joined,
            token: self.token,
            previous_token: self.previous,
            address: self.address,
            first: self.first,
            acked: self.acked,
            held_until: self.held,
            origin: self.origin,
            send: self.send,
            meta: self.meta,
            probe: self.probe.map(probe).transpose()?,
        })
    }
}

/// All that a script has to know of sessions to choose among them: a row for each, least id first,
/// since that decides where all else is equal.
pub(super) fn rows(standing: &[Standing]) -> String {
    let mut standing: Vec<&Standing> = standing.iter().collect();
    standing.sort_by_key(|one| one.id);
    let row = |one: &&Standing| {
        let (node, until) = match &one.state {
            State::Live(node) => (node.to_string(), 0),
            State::Parked { until, .. } => (String::new(), until.0),
        };
        let device = one.device.as_ref().map_or("", DeviceId::as_str).to_owned();
        let class = one.class.as_ref().map_or("", DeviceClass::as_str).to_owned();
        (one.id, device, class, node, until, one.active_at, one.created_at, one.fence.0)
    };
    write(&standing.iter().map(row).collect::<Vec<_>>())
}
