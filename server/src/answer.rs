//! Answers that are no success: one form for the API and for refused handshakes.

use protocol::{
    body,
    problem::{FieldError, Problem, ProblemCode},
};

use crate::random;

/// Why a request is refused, before it becomes a `Problem` with its request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What a program compares.
    pub code: ProblemCode,
    /// What is the matter this time.
    pub detail: String,
    /// Which fields are to blame.
    pub errors: Vec<FieldError>,
    /// After how many milliseconds to try again.
    pub retry_ms: Option<u64>,
}

/// How long to stay away from a node that could not take something, at the least and the most.
const RETRY_MS: std::ops::Range<u64> = 500..3000;

impl Refusal {
    /// A refusal with its own detail.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_ms: None }
    }

    /// A refusal of which there is no more to say than its title.
    #[must_use]
    pub fn plain(code: ProblemCode) -> Self {
        Self::new(code, code.title())
    }

    /// Nothing was done; come back in a while that differs from others'.
    #[must_use]
    pub fn later(code: ProblemCode) -> Self {
        let retry_ms = RETRY_MS.start + random::below(RETRY_MS.end - RETRY_MS.start);
        Self { retry_ms: Some(retry_ms), ..Self::plain(code) }
    }

    /// Too many failures; come back after `retry_ms`.
    #[must_use]
    pub fn after(retry_ms: u64) -> Self {
        Self { retry_ms: Some(retry_ms), ..Self::plain(ProblemCode::RateLimited) }
    }

    /// The problem, under an id that the log has too.
    #[must_use]
    pub fn problem(self, request_id: String) -> Problem {
        Problem {
            r#type: self.code.page(),
            code: self.code.name().to_owned(),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail,
            request_id,
            retry_ms: self.retry_ms,
            errors: self.errors,
        }
    }
}

impl From<body::Refused> for Refusal {
    fn from(refused: body::Refused) -> Self {
        Self { code: refused.code, detail: refused.detail, errors: refused.errors, retry_ms: None }
    }
}

/// The header that carries a request's id, both ways of telling it.
pub const REQUEST_ID: &str = "x-request-id";

/// A new request id.
#[must_use]
pub fn request_id() -> String {
    format!("{:032x}", random::bits())
}

/// Whole seconds for `Retry-After` (RFC 9110, section 10.2.3).
#[must_use]
pub fn retry_after(retry_ms: u64) -> u64 {
    retry_ms.div_ceil(1000).max(1)
}
