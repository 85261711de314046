//! Api: the public HTTP API of a server, as this program calls it.

use std::{
    fs,
    io::{self, Read},
    time::Duration,
};

use protocol::{
    http::List,
    problem::{Problem, ProblemCode},
};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body, Proxy,
    http::Response,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    args::Server,
    failure::{Failure, Kind},
};

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);

/// After how long a feed is asked for anew. It has a line every 15 seconds, but how long ago the
/// last one was cannot be asked.
const FEED: Duration = Duration::from_secs(60);

/// A server and the key to it.
pub(crate) struct Api {
    agent: Agent,
    base: String,
    bearer: String,
    certificates: Vec<u8>,
}

impl Api {
    pub(crate) fn new(server: &Server) -> Result<Self, Failure> {
        let base = server.url.trim_end_matches('/');
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            let text = format!("{base} is not an http:// or https:// address of a server");
            return Err(Failure::usage(text));
        }
        let certificates = match &server.ca_file {
            None => Vec::new(),
            Some(file) => fs::read(file)
                .map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))?,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(WAIT))
            .proxy(proxy(base))
            .tls_config(TlsConfig::builder().root_certs(roots(server, &certificates)?).build())
            .build()
            .into();
        let bearer = format!("Bearer {}", server.key()?);
        Ok(Self { agent, base: base.to_owned(), bearer, certificates })
    }

    /// The certificates of `--ca-file`, as PEM; empty without it.
    pub(crate) fn certificates(&self) -> &[u8] {
        &self.certificates
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_near(&self) -> bool {
        is_near(&self.base)
    }

    /// The address of a page of the server.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of the server's socket.
    pub(crate) fn socket_url(&self) -> String {
        let socket = self.base.replacen("http", "ws", 1);
        format!("{socket}{}", protocol::CONNECT_PATH)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.agent.get(self.at(path)).header("authorization", &self.bearer);
        self.outcome(request.call())
    }

    /// All of a list, page by page. What is asked of it is empty, or begins with `&`.
    pub(crate) fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        asked: &str,
    ) -> Result<List<T>, Failure> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: List<T> = self.get(&format!("{path}?limit=1000{asked}{cursor}"))?;
            items.extend(page.items);
            let Some(next) = page.next_cursor else {
                return Ok(List { items, next_cursor: None });
            };
            cursor = format!("&cursor={}", segment(&next));
        }
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self.agent.post(self.at(path)).header("authorization", &self.bearer);
        self.outcome(request.send_json(body))
    }

    pub(crate) fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self.agent.put(self.at(path)).header("authorization", &self.bearer);
        self.outcome(request.send_json(body))
    }

    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.agent.delete(self.at(path)).header("authorization", &self.bearer);
        self.outcome(request.call())
    }

    /// The text of a page that needs no key.
    pub(crate) fn page(&self, path: &str) -> Result<String, Failure> {
        let mut response = self.accepted(self.agent.get(self.at(path)).call())?;
        response.body_mut().read_to_string().map_err(|e| self.lost(&e))
    }

    /// The lines of a feed, from after an event on if one is named.
    pub(crate) fn feed(
        &self,
        path: &str,
        after: Option<&str>,
    ) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.get(self.at(path)).header("authorization", &self.bearer);
        let request = match after {
            Some(after) => request.header("last-event-id", after),
            None => request,
        };
        let waits = request.config().timeout_global(None).timeout_connect(Some(WAIT));
        let waits = waits.timeout_recv_response(Some(WAIT)).timeout_recv_body(Some(FEED));
        Ok(self.accepted(waits.build().call())?.into_body().into_reader())
    }

    fn outcome<T: DeserializeOwned>(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, Failure> {
        self.accepted(response)?.body_mut().read_json().map_err(|e| self.lost(&e))
    }

    /// An answer, if the server did what it was asked for.
    fn accepted(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, Failure> {
        let response = response.map_err(|e| self.lost(&e))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(self.refused(response)),
        }
    }

    fn refused(&self, mut response: Response<Body>) -> Failure {
        let status = response.status();
        let problem = response.body_mut().read_json::<Problem>();
        let code = problem.as_ref().ok().and_then(|p| ProblemCode::from_name(&p.code));
        let kind = match (status.as_u16(), code) {
            (400, _) => Kind::Usage,
            (401, _) | (_, Some(ProblemCode::ReadOnlyKey)) => Kind::KeyRefused,
            (404, _) => Kind::NotFound,
            (503, _) => Kind::Overloaded,
            (504, _) => Kind::TimedOut,
            _ => Kind::Failed,
        };
        let text = match problem {
            Ok(problem) if kind == Kind::KeyRefused => {
                format!(
                    "{} ({}); set USHER_KEY, USHER_KEY_FILE or --key-file",
                    problem.detail, problem.code
                )
            }
            Ok(problem) => {
                format!("{} ({}, request {})", problem.detail, problem.code, problem.request_id)
            }
            Err(_) => format!("{} answered {status}, which is not Usher's manner", self.base),
        };
        Failure::new(kind, text)
    }

    fn lost(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(_) => {
                Failure::new(Kind::TimedOut, format!("{} did not answer in time", self.base))
            }
            ureq::Error::Json(_) => {
                Failure::failed(format!("{} answered something else than Usher would", self.base))
            }
            ureq::Error::Io(error) if is_no_tls(error) => Failure::new(
                Kind::Unreachable,
                format!("what answers at {} speaks no TLS; is it http://?", self.base),
            ),
            error => Failure::new(
                Kind::Unreachable,
                format!("no server at {}: {error}; is `usher dev` running?", self.base),
            ),
        }
    }
}

/// Whether an answer in a handshake of TLS was none of TLS.
fn is_no_tls(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidMessage(_)))
}

/// Whether reading ended because the time of a feed is over.
pub(crate) fn is_over(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<ureq::Error>());
    matches!(cause, Some(ureq::Error::Timeout(_)))
}

/// Whose certificates are trusted: those of the file, or else the public authorities'.
fn roots(server: &Server, pem: &[u8]) -> Result<RootCerts, Failure> {
    let Some(file) = &server.ca_file else { return Ok(RootCerts::WebPki) };
    let unread = |why: &str| Failure::usage(format!("{}: {why}", file.display()));
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(unread(&error.to_string())),
        }
    }
    match certificates.is_empty() {
        true => Err(unread("there is no certificate in it")),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

/// Whether an address is on this machine.
fn is_near(base: &str) -> bool {
    const NEAR: [&str; 3] = ["://127.", "://localhost", "://[::1]"];
    NEAR.iter().any(|near| base.contains(near))
}

/// The proxy that the environment names, but for servers on this machine.
fn proxy(base: &str) -> Option<Proxy> {
    match is_near(base) {
        true => None,
        false => Proxy::try_from_env(),
    }
}

/// A name as one segment of a path (RFC 3986, section 2.3: what need not be escaped is not).
pub(crate) fn segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut path, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
        path
    })
}
