//! Session: who is there, as lists show it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    grant::Meta,
    id::SessionId,
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

/// `POST /v1/users/query`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UsersQuery {
    /// Who, up to 1,000; the answer has each once, in this order.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limit::USERS_PER_CALL_MAX)))]
    pub users: Vec<UserId>,
}

/// 200 of `GET /v1/users/{user}`, and an item of `POST /v1/users/query`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserReply {
    /// The user, known or not.
    pub user: UserId,
    /// Whether a session is live or may come back.
    pub online: bool,
    /// Whether the user is kept out.
    pub blocked: bool,
    /// Sessions whose socket is open.
    pub live: u32,
    /// Sessions that may come back within their window.
    pub parked: u32,
}

/// Whether a session has its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// The socket is open.
    Live,
    /// The socket is lost; the session may resume.
    Parked,
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// On which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Of which class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_class: Option<DeviceClass>,
    /// Which node has, or had, its socket.
    pub node: String,
    /// Whether it has its socket.
    pub state: SessionState,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When its present, or last, socket came.
    pub connected_at: Timestamp,
    /// When its user was last seen at it.
    pub active_at: Timestamp,
    /// Until when it may come back, if parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumable_until: Option<Timestamp>,
    /// Up to where the app says it has processed messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked: Option<Position>,
    /// From where it is connected.
    pub address: IpAddr,
    /// What its ticket said of it.
    pub meta: Meta,
}

/// 200 of the calls that end sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloseReply {
    /// How many ended by this call.
    pub closed: u32,
}
