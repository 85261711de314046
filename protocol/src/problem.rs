//! Problems: what an HTTP answer says when it is no success (RFC 9457).
//!
//! One catalogue. Programs compare `code`; `status` is its HTTP status; `title` is the same for
//! every problem of a code, `detail` tells of this one and never repeats a secret or an input.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::close::CloseCode;

macro_rules! catalogue {
    ($($Name:ident = $status:literal, $name:literal, $title:literal, $advice:literal;)*) => {
        /// What went wrong, as a program compares it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode {
            $(#[doc = $title] $Name,)*
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Name),*];

            /// The `code` member.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$Name => $name,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$Name => $status,)* }
            }

            /// The `title` member.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$Name => $title,)* }
            }

            /// What to do about it, for the problem's page.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$Name => $advice,)* }
            }
        }
    };
}

catalogue! {
    BadRequest = 400, "bad-request", "The request is not well-formed HTTP.",
        "Look at detail; a library for HTTP or WebSocket would not send this.";
    BadJson = 400, "bad-json", "The body is not JSON.",
        "Send one JSON object; with curl, mind the shell's quotes.";
    BadField = 400, "bad-field", "A field has a wrong value.",
        "errors names each field and what is right for it.";
    UnknownField = 400, "unknown-field", "The body has a field that is not known here.",
        "errors names it, and the known one nearest to it.";
    BadParameter = 400, "bad-parameter", "A part of the path or query has a wrong value.",
        "Look at detail; parts of a path are percent-encoded once.";
    Subprotocol = 400, "subprotocol", "None of the offered WebSocket subprotocols is known.",
        "Offer usher.v1, or none at all.";
    KeyRefused = 401, "key-refused", "The API key is missing or wrong.",
        "Send Authorization: Bearer <key>; never put the key into the URL.";
    TicketMissing = 401, "ticket-missing", "No well-formed ticket or resume token was given.",
        "Get a ticket from POST /v1/tickets and give it as ?ticket= or as subprotocol ticket.<t>.";
    TicketUnknown = 401, "ticket-unknown", "No such ticket is known.",
        "Get a new ticket; this one ended long ago, or the server lost it.";
    TicketExpired = 401, "ticket-expired", "The ticket was not used in time.",
        "Get a new ticket right before each connect.";
    TicketSpent = 401, "ticket-spent", "The ticket was used before.",
        "Every connect takes a new ticket; come back with the resume token instead.";
    CannotResume = 401, "cannot-resume", "The session cannot be resumed.",
        "Get a new ticket; the session was left, or its resume window is over.";
    TooOld = 401, "too-old", "The session reached its maximum age.",
        "Get a new ticket.";
    Forbidden = 403, "forbidden", "This is not allowed.",
        "The user is blocked, or the page's origin must be added to allowed_origins or the ticket.";
    Blocked = 403, "blocked", "The user is blocked.",
        "Lift the block first: DELETE /v1/users/{user}/block.";
    ReadOnlyKey = 403, "read-only-key", "The API key may only read.",
        "This call changes something; make it with a key whose scope is full.";
    Replaced = 403, "replaced", "A newer session took this one's place.",
        "Do not come back by yourself: the user opened Usher elsewhere.";
    ClosedByBackend = 403, "closed-by-backend", "The app's backend closed the session.",
        "Do not come back by yourself.";
    NotFound = 404, "not-found", "There is nothing at this path.",
        "Look at the list of paths in docs/api.md; parts of a path are percent-encoded once.";
    SessionUnknown = 404, "session-unknown", "No such session is known.",
        "It ended; list the user's sessions for those that are there.";
    NodeUnknown = 404, "node-unknown", "No node of this name is there.",
        "GET /v1/nodes lists those that are.";
    MethodNotAllowed = 405, "method-not-allowed", "This path takes other methods.",
        "The Allow header names them.";
    RequestTimeout = 408, "request-timeout", "The request did not arrive in time.",
        "Send the head within 5 s and the body within 10 s.";
    LimitReached = 409, "limit-reached", "The user has as many sessions as the policy allows.",
        "End one of them, or wait until one ends; the ticket stays good.";
    InProgress = 409, "in-progress", "The same call is under way under this Idempotency-Key.",
        "Wait for its answer, or call again after retry_ms.";
    BodyTooLarge = 413, "body-too-large", "The body is larger than is taken.",
        "At most 1 MiB, or 4 MiB for a message to many users.";
    UriTooLong = 414, "uri-too-long", "The request line is longer than is taken.",
        "At most 4 KiB.";
    UnsupportedMediaType = 415, "unsupported-media-type", "The body is not sent as plain JSON.",
        "Send Content-Type: application/json and no Content-Encoding.";
    KeyReused = 422, "key-reused", "The Idempotency-Key was used for another call.",
        "A key is for one call and its repetitions; take a new one.";
    UpgradeRequired = 426, "upgrade-required", "This path speaks WebSocket only.",
        "Send a WebSocket handshake of version 13 (RFC 6455).";
    RateLimited = 429, "rate-limited", "Too many failed attempts from this address.",
        "Wait for retry_ms.";
    HeadTooLarge = 431, "head-too-large", "The request head is larger than is taken.",
        "At most 16 KiB and 64 headers.";
    Internal = 500, "internal", "A fault of the server's own.",
        "Report it with request_id, which the server's log has too.";
    Overloaded = 503, "overloaded", "The node cannot take this now.",
        "Nothing was done; come back after retry_ms.";
    EngineFull = 503, "engine-full", "What keeps sessions and messages has no room for more.",
        "Nothing was done; those who run the server must give its engine more memory.";
    Draining = 503, "draining", "The node is going away.",
        "Nothing was done; another node will take it.";
    AcceptUnknown = 504, "accept-unknown", "It is not known whether this was accepted.",
        "Call again with the same Idempotency-Key; what was accepted is not accepted twice.";
}

impl ProblemCode {
    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The page that explains it, which the server itself serves.
    #[must_use]
    pub fn page(self) -> String {
        format!("/problems/{}", self.name())
    }

    /// How a refused admission is told over plain HTTP.
    #[must_use]
    pub fn of_refusal(code: CloseCode) -> Self {
        match code {
            CloseCode::Drain => Self::Draining,
            CloseCode::Slow | CloseCode::NoPong | CloseCode::Overloaded => Self::Overloaded,
            CloseCode::TicketExpired => Self::TicketExpired,
            CloseCode::TicketSpent => Self::TicketSpent,
            CloseCode::CannotResume | CloseCode::TakenOver => Self::CannotResume,
            CloseCode::TooOld => Self::TooOld,
            CloseCode::TicketUnknown => Self::TicketUnknown,
            CloseCode::ProtocolError => Self::BadRequest,
            CloseCode::TicketMissing => Self::TicketMissing,
            CloseCode::Forbidden => Self::Forbidden,
            CloseCode::Replaced => Self::Replaced,
            CloseCode::ClosedByBackend => Self::ClosedByBackend,
            CloseCode::LimitReached => Self::LimitReached,
        }
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ProblemCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| de::Error::custom("must be a known problem"))
    }
}

/// The body of an answer that is no success, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The page that explains the code, relative to the server.
    pub r#type: String,
    /// What a program compares.
    #[cfg_attr(feature = "schema", schemars(with = "ProblemCode"))]
    pub code: String,
    /// The same for every problem of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is the matter this time.
    pub detail: String,
    /// Under which the server's log tells of the request.
    pub request_id: String,
    /// Milliseconds after which another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
    /// What is the matter with single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is the matter with one field of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// Where: `policy.max`, `users[3]`.
    pub field: String,
    /// What would be right.
    pub detail: String,
}

#[cfg(test)]
mod tests;
