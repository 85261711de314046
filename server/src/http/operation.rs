//! Operation: what a call is to those who make it, said once.
//!
//! The router and the document are made of the same list, so a call is in both or in neither. What
//! can be read off the types of its function is its `Shape`; the rest stands in its `Operation`.
//! What a call answers is held against both wherever debug assertions are on, which is in every
//! test: a problem that is not described fails the test that meets it.
//!
//! Not here: the list itself (`table`), how it is written down for others (`document`).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    handler::Handler,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use protocol::problem::ProblemCode;

use super::{
    shape::{Shape, Shaped},
    who::Who,
};
use crate::{answer::Refusal, config::Scope, door::Entrance, node::Node};

/// What any request may be answered before it reaches its call.
const BEFORE_A_CALL: [ProblemCode; 5] = [
    ProblemCode::BadRequest,
    ProblemCode::RequestTimeout,
    ProblemCode::UriTooLong,
    ProblemCode::HeadTooLarge,
    ProblemCode::Overloaded,
];

/// What may be the matter with a key, or with a query that a call does not take.
const WITH_A_KEY: [ProblemCode; 4] = [
    ProblemCode::KeyRefused,
    ProblemCode::RateLimited,
    ProblemCode::Forbidden,
    ProblemCode::BadParameter,
];

/// What a call is.
#[derive(Debug)]
pub(super) struct Operation {
    /// What programs call it; SDKs make the name of a function of it.
    pub(super) id: &'static str,
    /// Its method and path.
    pub(super) at: (Method, &'static str),
    /// Who may make it.
    pub(super) who: Who,
    /// With which others it is shown.
    pub(super) group: Group,
    /// What it does.
    pub(super) summary: &'static str,
    /// What its success says.
    pub(super) gives: &'static str,
    /// What may go wrong in its flow, beyond what is wrong with the request.
    pub(super) problems: &'static [ProblemCode],
}

/// Calls that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Tickets,
    Messages,
    Users,
    Sessions,
    Nodes,
    Watching,
    Health,
    Reference,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Tickets,
        Self::Messages,
        Self::Users,
        Self::Sessions,
        Self::Nodes,
        Self::Watching,
        Self::Health,
        Self::Reference,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Messages => "messages",
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::Nodes => "nodes",
            Self::Watching => "watching",
            Self::Health => "health",
            Self::Reference => "reference",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Tickets => "Leave to open a session",
            Self::Messages => "What the app says to its users",
            Self::Users => "Who is there",
            Self::Sessions => "One client's stay: live, or parked until it comes back",
            Self::Nodes => "The processes of the server",
            Self::Watching => "What happens, for operators",
            Self::Health => "For machines that watch the node",
            Self::Reference => "What this API is",
        }
    }
}

/// A call as it is known to the router and to the document.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) shape: Shape,
    /// All problems that it may answer, in the order of the catalogue.
    pub(super) problems: Vec<ProblemCode>,
}

impl Call {
    fn new(operation: Operation, shape: Shape) -> Self {
        let mut problems = [operation.problems, &shape.problems, &BEFORE_A_CALL].concat();
        match operation.who.wants(Entrance::Whole) {
            None => {}
            Some(Scope::Read) => problems.extend(WITH_A_KEY),
            Some(Scope::Full) => {
                problems.extend(WITH_A_KEY);
                problems.push(ProblemCode::ReadOnlyKey);
            }
        }
        problems.sort_unstable();
        problems.dedup();
        Self { operation, shape, problems }
    }

    /// A parameter that nobody reads is a mistake that nobody sees.
    fn refuses(&self, request: &Request) -> Option<Refusal> {
        let wants_key = self.operation.who.wants(Entrance::Whole).is_some();
        let is_strict = wants_key && self.shape.query.is_none();
        let has_query = request.uri().query().is_some_and(|query| !query.is_empty());
        let detail = "this call has no parameters behind a question mark";
        (is_strict && has_query).then(|| Refusal::new(ProblemCode::BadParameter, detail))
    }

    fn check(&self, response: &Response) {
        let (id, status) = (self.operation.id, response.status().as_u16());
        match response.extensions().get::<ProblemCode>() {
            Some(code) => assert!(
                self.problems.contains(code),
                "{id} answers {}, which is not among its problems",
                code.name()
            ),
            None => assert_eq!(status, self.shape.answer.status, "{id} answers this status"),
        }
    }
}

/// All calls, as they are added.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// What is known of them, in the order in which they were added.
    pub(super) known: Vec<Arc<Call>>,
    /// What answers each of them.
    pub(super) answers: Vec<MethodRouter<Arc<Node>>>,
}

impl Calls {
    /// Adds a call and the function that answers it.
    pub(super) fn call<H, T, A>(mut self, operation: Operation, function: H) -> Self
    where
        H: Handler<T, Arc<Node>> + Shaped<A>,
        T: 'static,
    {
        let method = operation.at.0.clone();
        let filter = MethodFilter::try_from(method).expect("routes are made for HTTP's methods");
        let call = Arc::new(Call::new(operation, H::shape()));
        let checked = from_fn_with_state(Arc::clone(&call), as_described);
        self.answers.push(on(filter, function).route_layer(checked));
        self.known.push(call);
        self
    }
}

async fn as_described(State(call): State<Arc<Call>>, request: Request, next: Next) -> Response {
    let response = match call.refuses(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    if cfg!(debug_assertions) {
        call.check(&response);
    }
    response
}
