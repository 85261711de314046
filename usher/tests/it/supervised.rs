//! Supervised: `usher serve` on a free port, and what its supervisor sees of it.

use std::{fs, io::Read, net::SocketAddr, ops::Deref, process::Command, time::Duration};

use serde_json::Value;
use ureq::{Agent, http::Request};

use crate::{
    program::{Ended, Program},
    served::{KEY, Served, serve_within},
};

/// A running node.
#[derive(Debug)]
pub(crate) struct Supervised {
    pub(crate) program: Program,
    api: Api,
}

/// Its API, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    agent: Agent,
}

/// A command whose log comes on standard output, run within what the shell limits first. As many
/// sessions come at once as the machine takes.
pub(crate) fn serve(limits: &str) -> Command {
    let mut command = serve_within(limits, "");
    command.env("USHER_LIMITS__ADMISSIONS_PER_SECOND", "100000");
    command.env("USHER_LIMITS__RESUMES_PER_SECOND", "100000");
    command
}

/// The same without limits, which goes away within this window, after this delay.
pub(crate) fn draining(window: &str, delay: &str) -> Command {
    let mut command = serve(UNLIMITED);
    command.env("USHER_DRAIN__WINDOW", window).env("USHER_DRAIN__DELAY", delay);
    command
}

/// No limits but those that are there.
pub(crate) const UNLIMITED: &str = ":";

impl Supervised {
    /// Starts one by such a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let Served { program, address, .. } = Served::start(command);
        let address = address.parse().unwrap_or_else(|error| panic!("{address}: {error}"));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .proxy(None);
        Self { program, api: Api { address, agent: config.build().into() } }
    }

    /// Bytes of memory that the process has, as the system counts them.
    pub(crate) fn resident_bytes(&self) -> usize {
        let status = format!("/proc/{}/status", self.program.id());
        let status = fs::read_to_string(status).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")).expect("Linux tells it");
        kib.trim().parse::<usize>().expect("a number") * 1024
    }

    /// Descriptors that the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.program.id());
        fs::read_dir(folder).expect("it runs").count()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        self.program.end()
    }
}

impl Deref for Supervised {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Api {
    /// A call with the key: status and body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call_again(method, path, "", body)
    }

    /// The same under an idempotency key, if there is one.
    pub(crate) fn call_again(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {KEY}"));
        let request = match key {
            "" => request,
            key => request.header("idempotency-key", key),
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.agent.run(request.body(body).expect("it is a request"));
        let mut answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let body = answer.body_mut().read_to_string().expect("it is text");
        let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
        (answer.status().as_u16(), body)
    }

    /// A call with the key that must succeed; its body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, body) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    /// The lines of a feed of events, after an event if there is one.
    pub(crate) fn feed(&self, query: &str, after: Option<&str>) -> impl Read + Send + use<> {
        let request = Request::builder()
            .uri(format!("http://{}/v1/events{query}", self.address))
            .header("authorization", format!("Bearer {KEY}"));
        let request = match after {
            None => request,
            Some(after) => request.header("last-event-id", after),
        };
        let request = request.body(()).expect("it is a request");
        let request = self.agent.configure_request(request).timeout_global(None).build();
        let answer = self.agent.run(request).expect("it answers");
        assert_eq!(answer.status(), 200);
        answer.into_body().into_reader()
    }

    /// What to offer to open a session with a ticket as asked for.
    pub(crate) fn offer(&self, request: &Value) -> String {
        let reply = self.ask("POST", "/v1/tickets", request);
        format!("usher.v1, ticket.{}", reply["ticket"].as_str().expect("a text"))
    }
}
