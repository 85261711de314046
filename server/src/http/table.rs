//! Table: every call of the API, as those who make it know it.
//!
//! What is not in it is no call: the handshake at `/v1/connect`, whose answers are frames, and what
//! `usher dev` serves besides.

use http::Method;
use protocol::problem::ProblemCode;

use super::{
    calls, document, events, metrics,
    operation::{Calls, Group, Operation},
    pages,
    who::Who,
};

/// All of them.
pub(super) fn calls() -> Calls {
    let groups = [tickets, messages, users, blocks, sessions, nodes, watching, health, reference];
    groups.into_iter().fold(Calls::default(), |calls, group| group(calls))
}

fn tickets(calls: Calls) -> Calls {
    calls.call(
        Operation {
            id: "mintTicket",
            at: (Method::POST, "/v1/tickets"),
            who: Who::Backend,
            group: Group::Tickets,
            summary: "Issue the leave to open one session",
            gives: "The ticket",
            problems: &[ProblemCode::Blocked, ProblemCode::EngineFull],
        },
        calls::mint,
    )
}

fn messages(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "sendToUser",
                at: (Method::POST, "/v1/users/{user}/messages"),
                who: Who::Backend,
                group: Group::Messages,
                summary: "Send to a user",
                gives: "What became of it; a user who is not there is no error",
                problems: &[ProblemCode::Draining, ProblemCode::EngineFull],
            },
            calls::send,
        )
        .call(
            Operation {
                id: "sendToSession",
                at: (Method::POST, "/v1/sessions/{session}/messages"),
                who: Who::Backend,
                group: Group::Messages,
                summary: "Send to one session",
                gives: "What became of it",
                problems: &[ProblemCode::Draining, ProblemCode::EngineFull],
            },
            calls::send_to_session,
        )
        .call(
            Operation {
                id: "sendToMany",
                at: (Method::POST, "/v1/messages"),
                who: Who::Backend,
                group: Group::Messages,
                summary: "Send to many users, or to everyone who is live",
                gives: "What became of it for each user, or how many nodes tell everyone",
                problems: &[ProblemCode::Draining, ProblemCode::EngineFull],
            },
            calls::send_to_many,
        )
}

fn users(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "showUser",
                at: (Method::GET, "/v1/users/{user}"),
                who: Who::Reader,
                group: Group::Users,
                summary: "Tell whether a user is there",
                gives: "How many sessions there are; a user that nobody heard of is offline",
                problems: &[],
            },
            calls::show_user,
        )
        .call(
            Operation {
                id: "listSessionsOfUser",
                at: (Method::GET, "/v1/users/{user}/sessions"),
                who: Who::Reader,
                group: Group::Users,
                summary: "List a user's sessions, oldest first",
                gives: "All of them",
                problems: &[],
            },
            calls::sessions_of_user,
        )
        .call(
            Operation {
                id: "queryUsers",
                at: (Method::POST, "/v1/users/query"),
                who: Who::Reader,
                group: Group::Users,
                summary: "Tell which of many users are there",
                gives: "Each of them once, in the order of the request",
                problems: &[],
            },
            calls::query_users,
        )
        .call(
            Operation {
                id: "endSessionsOfUser",
                at: (Method::DELETE, "/v1/users/{user}/sessions"),
                who: Who::Backend,
                group: Group::Users,
                summary: "End a user's sessions",
                gives: "How many ended by this",
                problems: &[],
            },
            calls::end_sessions_of_user,
        )
}

fn blocks(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "blockUser",
                at: (Method::PUT, "/v1/users/{user}/block"),
                who: Who::Backend,
                group: Group::Users,
                summary: "Keep a user out, and end the sessions",
                gives: "How many ended by this",
                problems: &[],
            },
            calls::block,
        )
        .call(
            Operation {
                id: "unblockUser",
                at: (Method::DELETE, "/v1/users/{user}/block"),
                who: Who::Backend,
                group: Group::Users,
                summary: "Let a user in again",
                gives: "That the user is not blocked",
                problems: &[],
            },
            calls::lift,
        )
        .call(
            Operation {
                id: "listBlocks",
                at: (Method::GET, "/v1/blocks"),
                who: Who::Reader,
                group: Group::Users,
                summary: "List the users who are kept out",
                gives: "A page of them, and where the next begins",
                problems: &[],
            },
            calls::blocks,
        )
}

fn sessions(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "listSessions",
                at: (Method::GET, "/v1/sessions"),
                who: Who::Reader,
                group: Group::Sessions,
                summary: "List sessions, in the order of their ids",
                gives: "A page of them, and where the next begins",
                problems: &[],
            },
            calls::sessions,
        )
        .call(
            Operation {
                id: "showSession",
                at: (Method::GET, "/v1/sessions/{session}"),
                who: Who::Reader,
                group: Group::Sessions,
                summary: "Show one session",
                gives: "The session",
                problems: &[],
            },
            calls::show_session,
        )
        .call(
            Operation {
                id: "endSession",
                at: (Method::DELETE, "/v1/sessions/{session}"),
                who: Who::Backend,
                group: Group::Sessions,
                summary: "End one session",
                gives: "Whether it ended by this: 1, or 0 if it was not there any more",
                problems: &[],
            },
            calls::end_session,
        )
}

fn watching(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "showStats",
                at: (Method::GET, "/v1/stats"),
                who: Who::Reader,
                group: Group::Watching,
                summary: "Tell how much there is, and was since the start",
                gives: "The numbers",
                problems: &[],
            },
            calls::stats,
        )
        .call(
            Operation {
                id: "watchEvents",
                at: (Method::GET, "/v1/events"),
                who: Who::Reader,
                group: Group::Watching,
                summary: "Watch what happens, as Server-Sent Events",
                gives: "Events, each with `id`, `event` and `data`, for as long as anybody reads",
                problems: &[],
            },
            events::watch,
        )
        .call(
            Operation {
                id: "showMetrics",
                at: (Method::GET, "/metrics"),
                who: Who::Monitor,
                group: Group::Watching,
                summary: "Show the numbers to a program that watches servers",
                gives: "Text of Prometheus, or of OpenMetrics where that is accepted",
                problems: &[],
            },
            metrics::show,
        )
}

fn nodes(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "listNodes",
                at: (Method::GET, "/v1/nodes"),
                who: Who::Reader,
                group: Group::Nodes,
                summary: "List nodes",
                gives: "All of them",
                problems: &[],
            },
            calls::nodes,
        )
        .call(
            Operation {
                id: "drainNode",
                at: (Method::POST, "/v1/nodes/{node}/drain"),
                who: Who::Backend,
                group: Group::Nodes,
                summary: "Ask a node to send its sessions away and exit",
                gives: "The node; to ask again changes nothing",
                problems: &[],
            },
            calls::drain_node,
        )
}

fn health(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "isLive",
                at: (Method::GET, "/livez"),
                who: Who::Anybody,
                group: Group::Health,
                summary: "Tell whether the process answers",
                gives: "It does",
                problems: &[],
            },
            pages::livez,
        )
        .call(
            Operation {
                id: "isReady",
                at: (Method::GET, "/readyz"),
                who: Who::Anybody,
                group: Group::Health,
                summary: "Tell whether to send anybody here",
                gives: "Yes",
                problems: &[ProblemCode::Draining],
            },
            pages::readyz,
        )
}

fn reference(calls: Calls) -> Calls {
    calls
        .call(
            Operation {
                id: "showVersion",
                at: (Method::GET, "/version"),
                who: Who::Anybody,
                group: Group::Reference,
                summary: "Tell the server's version",
                gives: "The version, and the subprotocols that it speaks",
                problems: &[],
            },
            pages::version,
        )
        .call(
            Operation {
                id: "describe",
                at: (Method::GET, "/openapi.json"),
                who: Who::Anybody,
                group: Group::Reference,
                summary: "Describe this API",
                gives: "This document",
                problems: &[],
            },
            document::describe,
        )
        .call(
            Operation {
                id: "explainProblems",
                at: (Method::GET, "/problems"),
                who: Who::Anybody,
                group: Group::Reference,
                summary: "Explain what problems there are",
                gives: "A page for people",
                problems: &[],
            },
            pages::problems,
        )
        .call(
            Operation {
                id: "explainProblem",
                at: (Method::GET, "/problems/{code}"),
                who: Who::Anybody,
                group: Group::Reference,
                summary: "Explain one problem",
                gives: "A page for people",
                problems: &[],
            },
            pages::problem,
        )
}
