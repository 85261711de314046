//! Ticket: what a backend asks for before a session can connect.

use serde::{Deserialize, Serialize};

use super::seconds::{LongTtl, TicketTtl};
use crate::{
    grant::{Meta, Origin, Policy, SendGrant},
    id::Ticket,
    name::{DeviceClass, DeviceId, UserId},
    time::Timestamp,
};

/// `POST /v1/tickets`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// Whose session it will open.
    pub user: UserId,
    /// On which of the user's devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Of which class that device is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_class: Option<DeviceClass>,
    /// Seconds within which it must be used; the server's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<TicketTtl>,
    /// How many sessions the user may have; `multi` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// To whom the session may send; to nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<SendGrant>,
    /// The page that alone may use it, if a browser does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Seconds after which the session ends, whatever it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<LongTtl>,
    /// What the app wants to see beside the session in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl TicketRequest {
    /// Asks for a ticket with the server's defaults.
    #[must_use]
    pub fn new(user: UserId) -> Self {
        Self {
            user,
            device: None,
            device_class: None,
            ttl: None,
            policy: None,
            send: None,
            origin: None,
            max_age: None,
            meta: None,
        }
    }
}

/// 201 of `POST /v1/tickets`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TicketReply {
    /// The ticket. A secret until it is used.
    pub ticket: Ticket,
    /// Whose session it opens.
    pub user: UserId,
    /// Where to connect, best first; absent where the server was not told its public address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}
