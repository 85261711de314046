//! Frames as a session says them: the other half of `from_session`, for SDKs.

use serde::Serialize;

use crate::{data::Data, http::LongTtl, name::UserId, position::Mark, target::Target};

/// What a session says.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said<'a> {
    /// A message for a user.
    Send(Send<'a>),
    /// The user is looking at this device.
    Active,
    /// Messages are processed up to here.
    Ack {
        /// A position that the server gave.
        position: &'a Mark,
    },
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// Ends the session.
    Leave,
}

/// A message for a user.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Send<'a> {
    /// Under which the server answers.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a str>,
    /// To whom.
    pub user: &'a UserId,
    /// What.
    pub data: &'a Data,
    /// To which of the user's sessions; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<&'a Target>,
    /// Only to sessions that are live and keep up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub volatile: bool,
    /// After which nobody wants it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<LongTtl>,
    /// Whether the sender's other sessions get a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo: Option<bool>,
    /// By which a repeated send is told from a second one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
}

impl Said<'_> {
    /// The frame's text.
    ///
    /// # Panics
    /// Never: frames are plain values.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("frames are plain values")
    }
}
