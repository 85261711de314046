//! Caller: calls of the API, of which none need succeed.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use ureq::{Agent, http::Request};

/// The key of the nodes.
pub(crate) const KEY: &str = "a-key-for-chaos-and-nothing-else";

/// How long an answer is waited for: longer than a node waits for its engine.
const PATIENCE: Duration = Duration::from_secs(8);

/// Whoever calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Agent);

/// What comes of a call: status and body, unless it got none.
pub(crate) type Answer = Result<(u16, Value), String>;

impl Caller {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None);
        Self(config.build().into())
    }

    /// A call, under an idempotency key if there is one. Waits for its thread.
    pub(crate) fn call(
        &self,
        node: SocketAddr,
        (method, path): (&str, &str),
        key: Option<&str>,
        body: &str,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{node}{path}"))
            .header("authorization", format!("Bearer {KEY}"));
        let request = match key {
            None => request,
            Some(key) => request.header("idempotency-key", key),
        };
        let request = request.body(body.to_owned()).map_err(|e| e.to_string())?;
        let mut answer = self.0.run(request).map_err(|e| e.to_string())?;
        let body = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
        let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Ok((answer.status().as_u16(), body))
    }

    /// The same beside other tasks.
    pub(crate) async fn ask(
        &self,
        node: SocketAddr,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Answer {
        let (caller, path) = (self.clone(), path.to_owned());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = move || caller.call(node, (method, &path), None, &body);
        tokio::task::spawn_blocking(call).await.map_err(|e| e.to_string())?
    }
}
