//! Bulk: one message for many users, or for everyone who is there.

use serde::{Deserialize, Serialize};

use super::{
    message::{Durability, Echo, SendReply, is_false},
    seconds::LongTtl,
};
use crate::{
    data::Data,
    id::{MessageId, SessionId},
    name::UserId,
    target::Target,
};

/// `POST /v1/messages`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::echo_needs_from))]
#[cfg_attr(feature = "schema", schemars(transform = crate::schema::users_or_everyone))]
#[serde(deny_unknown_fields)]
pub struct BulkRequest {
    /// To whom, up to 1,000; who is named twice gets it once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = crate::limit::USERS_PER_CALL_MAX)))]
    pub users: Vec<UserId>,
    /// Instead of `users`: to every session that is live now. It is not kept for others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub everyone: bool,
    /// What to deliver; any JSON value.
    pub data: Data,
    /// To which of each user's sessions; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Target>,
    /// A session that does not get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<SessionId>,
    /// Only to sessions that are live, only if they keep up; not kept for later.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volatile: bool,
    /// Seconds after which nobody wants it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<LongTtl>,
    /// The user on whose behalf it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// Whether `from`'s own sessions get a copy of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

/// 200 of `POST /v1/messages`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum BulkReply {
    /// For named users.
    #[cfg_attr(feature = "schema", schemars(title = "BulkReplyForUsers"))]
    Users {
        /// One for each user, in the order of the request.
        results: Vec<BulkResult>,
    },
    /// For everyone.
    #[cfg_attr(feature = "schema", schemars(title = "BulkReplyForEveryone"))]
    Everyone {
        /// The message, by which recipients tell doubles.
        id: MessageId,
        /// Nodes that it goes to.
        nodes: u32,
        /// `none`: it is not kept.
        durability: Durability,
    },
}

/// What became of a bulk message for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum BulkResult {
    /// It was accepted.
    Sent(BulkSent),
    /// It was not.
    Refused(BulkRefused),
}

/// A bulk message that was accepted for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BulkSent {
    /// For whom.
    pub user: UserId,
    /// What became of it.
    #[serde(flatten)]
    pub sent: SendReply,
}

/// A bulk message that was not accepted for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BulkRefused {
    /// For whom.
    pub user: UserId,
    /// Why.
    pub error: BulkError,
}

/// Why a message for one user was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BulkError {
    /// What a program compares: the code of a problem.
    #[cfg_attr(feature = "schema", schemars(with = "crate::problem::ProblemCode"))]
    pub code: String,
    /// What is the matter, for a person.
    pub detail: String,
    /// Milliseconds after which another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
}
