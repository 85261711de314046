//! Pages: health for machines, explanations for people.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use protocol::{SUBPROTOCOL, http::VersionReply, problem::ProblemCode};

use super::{
    reply::{Outcome, ok, respond},
    shape::{Answer, Gives, Shape},
    taken::{InPath, Segment},
};
use crate::{
    answer::Refusal,
    node::{Node, VERSION},
};

/// Slow to fail: a process that answers is alive.
pub(super) async fn livez() -> &'static str {
    "live\n"
}

/// Fast to fail: whether to send anybody here.
pub(super) async fn readyz(State(node): State<Arc<Node>>) -> Result<&'static str, Refusal> {
    match (node.is_ready(), node.has_engine()) {
        (true, _) => Ok("ready\n"),
        (false, true) => Err(Refusal::later(ProblemCode::Draining)),
        (false, false) => {
            let detail = "The engine does not answer, or cannot be used.".to_owned();
            Err(Refusal { detail, ..Refusal::later(ProblemCode::Overloaded) })
        }
    }
}

pub(super) async fn version() -> Outcome<VersionReply> {
    ok(VersionReply { version: VERSION.to_owned(), protocols: vec![SUBPROTOCOL.to_owned()] })
}

const STYLE: &str = "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;\
    margin:3rem auto;padding:0 1rem;color:#1b1f24;background:#fff}a{color:#0550ae}\
    code{background:#f2f4f6;padding:.1em .3em;border-radius:3px;overflow-wrap:anywhere}\
    dt{margin-top:1rem}@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#15181c}\
    a{color:#6cb6ff}code{background:#23282e}}</style>";

/// A small page for people.
#[derive(Debug)]
pub(super) struct Page {
    title: &'static str,
    /// HTML already.
    body: String,
}

impl Page {
    /// A page around this body, which must be HTML already.
    pub(super) fn new(title: &'static str, body: String) -> Self {
        Self { title, body }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Self { title, body } = self;
        let html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title} · usher</title>\
             {STYLE}<h1>{title}</h1>{body}</html>"
        );
        let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        ([("content-security-policy", policy), ("referrer-policy", "no-referrer")], Html(html))
            .into_response()
    }
}

impl Gives for Page {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::text("text/html");
    }
}

/// All problems there are.
pub(super) async fn problems() -> Page {
    let mut body = String::from("<dl>");
    for code in ProblemCode::ALL {
        let (name, status, title) = (code.name(), code.status(), code.title());
        write!(
            body,
            "<dt><a href=\"/problems/{name}\"><code>{name}</code></a> {status}<dd>{title}"
        )
        .expect("a String takes all");
    }
    Page::new("Problems", body + "</dl>")
}

impl Segment for ProblemCode {
    const PROBLEM: Self = Self::NotFound;

    fn read(text: Option<&str>) -> Result<Self, Refusal> {
        let code = text.and_then(Self::from_name);
        code.ok_or_else(|| Refusal::new(Self::PROBLEM, "there is no such problem"))
    }
}

/// One problem: what it means and what to do.
pub(super) async fn problem(InPath(code): InPath<ProblemCode>) -> Page {
    let (status, title, advice) = (code.status(), code.title(), code.advice());
    let body = format!(
        "<p>HTTP status {status}. {title}<p>{advice}<p><a href=\"/problems\">All problems</a>"
    );
    Page::new(code.name(), body)
}

/// Browsers ask for it whatever the page says.
pub(super) async fn no_icon() -> Response {
    respond(StatusCode::NO_CONTENT, "image/x-icon", axum::body::Bytes::new())
}
