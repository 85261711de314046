//! Answers that are no success: one form for the API and for refused handshakes.

use std::time::Duration;

use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION,
        UPGRADE, WWW_AUTHENTICATE,
    },
};
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
        Self::later_by(code, retry_wait())
    }

    /// Nothing was done; come back in this while, which is nobody else's.
    #[must_use]
    pub fn later_by(code: ProblemCode, wait: Duration) -> Self {
        let retry_ms = u64::try_from(wait.as_millis()).ok();
        Self { retry_ms, ..Self::plain(code) }
    }

    /// Too many failures; come back after `retry_ms`.
    #[must_use]
    pub fn after(retry_ms: u64) -> Self {
        Self { retry_ms: Some(retry_ms), ..Self::plain(ProblemCode::RateLimited) }
    }

    /// The answer to a call.
    #[must_use]
    pub fn answer(self) -> Answer {
        let (code, retry_ms, request_id) = (self.code, self.retry_ms, request_id());
        tracing::debug!(code = code.name(), detail = self.detail, %request_id, "refused");
        let status = StatusCode::from_u16(code.status()).unwrap_or_default();
        let headers = headers(code, retry_ms, &request_id);
        let body = serde_json::to_vec(&self.problem(request_id)).unwrap_or_default();
        Answer { status, headers, body }
    }

    /// The answer to a handshake. It is the last one: what follows a refused handshake is not taken
    /// for another request.
    #[must_use]
    pub fn last_answer(self) -> Answer {
        let code = self.code;
        let mut answer = self.answer();
        answer.headers.push((CONNECTION, HeaderValue::from_static("close")));
        // The router knows the methods of other paths.
        if code == ProblemCode::MethodNotAllowed {
            answer.headers.push((ALLOW, HeaderValue::from_static("GET")));
        }
        answer
    }

    /// The problem, under an id that the log has too.
    fn problem(self, request_id: String) -> Problem {
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

/// A refusal for which one field is to blame.
pub(crate) fn field_error(field: &str, detail: &str) -> Refusal {
    let errors = vec![FieldError { field: field.to_owned(), detail: detail.to_owned() }];
    Refusal { errors, ..Refusal::new(ProblemCode::BadField, format!("{field} {detail}")) }
}

/// What goes with a problem besides its body.
fn headers(
    code: ProblemCode,
    retry_ms: Option<u64>,
    request_id: &str,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.push((REQUEST_ID, id));
    }
    if let Some(retry_ms) = retry_ms {
        // Whole seconds (RFC 9110, section 10.2.3).
        headers.push((RETRY_AFTER, HeaderValue::from(retry_ms.div_ceil(1000).max(1))));
    }
    let of_code: &[(HeaderName, &str)] = match code {
        ProblemCode::KeyRefused => &[(WWW_AUTHENTICATE, "Bearer realm=\"usher\"")],
        ProblemCode::UpgradeRequired => &[(UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")],
        _ => &[],
    };
    headers.extend(
        of_code.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))),
    );
    headers
}

impl From<body::Refused> for Refusal {
    fn from(refused: body::Refused) -> Self {
        Self { code: refused.code, detail: refused.detail, errors: refused.errors, retry_ms: None }
    }
}

/// A refusal as HTTP, whoever writes it.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// All headers but the length.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The problem.
    pub body: Vec<u8>,
}

impl Answer {
    /// The whole answer, for a socket that no HTTP server has.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or("Refused");
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_u16()).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).into_bytes());
        bytes.extend(&self.body);
        bytes
    }
}

/// How long one of those who are refused is told to stay away; others are told another time.
#[must_use]
pub fn retry_wait() -> Duration {
    Duration::from_millis(RETRY_MS.start + random::below(RETRY_MS.end - RETRY_MS.start))
}

/// The header that carries a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn request_id() -> String {
    format!("{:032x}", random::bits())
}
