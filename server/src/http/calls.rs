//! Calls: what backends ask for.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State, rejection::PathRejection};
use engine::contract::Ending;
use protocol::{
    http::{
        CloseReply, List, SendReply, SendRequest, Session, TicketReply, TicketRequest, UserReply,
    },
    id::SessionId,
    limit,
    name::UserId,
    problem::ProblemCode,
};
use serde::Deserialize;

use super::reply::{Outcome, created, ok, read};
use crate::{answer::Refusal, node::Node};

type ThisNode = State<Arc<Node>>;
type Segment = Result<Path<String>, PathRejection>;

fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::BadParameter, detail)
}

fn user(segment: Segment) -> Result<UserId, Refusal> {
    let Path(text) = segment.map_err(|_rejected| bad("the user in the path is not UTF-8"))?;
    UserId::parse(&text).map_err(|error| bad(format!("the user in the path {error}")))
}

fn session(segment: Segment) -> Result<SessionId, Refusal> {
    let parsed = segment.ok().and_then(|Path(text)| SessionId::parse(&text).ok());
    parsed.ok_or_else(|| Refusal::plain(ProblemCode::SessionUnknown))
}

pub(super) async fn mint(State(node): ThisNode, request: Request) -> Outcome<TicketReply> {
    let request: TicketRequest = read(request, node.config().limits.body_bytes).await?;
    created(node.mint(request).await?)
}

/// To take a key and not heed it would double what is sent again.
fn without_key(request: &Request) -> Result<(), Refusal> {
    match request.headers().contains_key("idempotency-key") {
        true => Err(bad("Idempotency-Key is not heeded by this version; leave it out")),
        false => Ok(()),
    }
}

pub(super) async fn send(
    State(node): ThisNode,
    segment: Segment,
    request: Request,
) -> Outcome<SendReply> {
    without_key(&request)?;
    let user = user(segment)?;
    let request: SendRequest = read(request, node.config().limits.body_bytes).await?;
    ok(node.send(&user, request).await?)
}

pub(super) async fn send_to_session(
    State(node): ThisNode,
    segment: Segment,
    request: Request,
) -> Outcome<SendReply> {
    without_key(&request)?;
    let session = session(segment)?;
    let request: SendRequest = read(request, node.config().limits.body_bytes).await?;
    ok(node.send_to_session(session, request).await?)
}

pub(super) async fn show_user(State(node): ThisNode, segment: Segment) -> Outcome<UserReply> {
    ok(node.user(user(segment)?).await?)
}

pub(super) async fn sessions_of_user(
    State(node): ThisNode,
    segment: Segment,
) -> Outcome<List<Session>> {
    let query = engine::contract::Query::User(user(segment)?);
    ok(List { items: node.sessions(&query).await?, next_cursor: None })
}

/// `?user=&limit=&cursor=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    user: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

type Parameters<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

pub(super) async fn sessions(
    State(node): ThisNode,
    query: Parameters<ListQuery>,
) -> Outcome<List<Session>> {
    let Query(query) = query.map_err(|error| bad(error.body_text()))?;
    let most = match query.limit.as_deref().map(str::parse) {
        None => limit::LIST_DEFAULT,
        Some(Ok(most @ 1..=limit::LIST_MAX)) => most,
        Some(_) => return Err(bad("limit must be 1 to 1000")),
    };
    let after = match query.cursor.as_deref().map(SessionId::parse) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(_)) => return Err(bad("cursor is not one that a list gave")),
    };
    let Some(name) = query.user else {
        let (items, next) = node.page_of_sessions(after, most).await?;
        return ok(List { items, next_cursor: next.map(|id| id.to_string()) });
    };
    let user = UserId::parse(&name).map_err(|error| bad(format!("user {error}")))?;
    let mut items = node.sessions(&engine::contract::Query::User(user)).await?;
    items.sort_by_key(|session| session.id);
    items.retain(|session| after.is_none_or(|after| session.id > after));
    let more = items.len() > most;
    items.truncate(most);
    let next_cursor = items.last().map(|last| last.id.to_string()).filter(|_| more);
    ok(List { items, next_cursor })
}

pub(super) async fn show_session(State(node): ThisNode, segment: Segment) -> Outcome<Session> {
    ok(node.session(session(segment)?).await?)
}

/// A session that is not known is closed already, so this is no error; a text that is no session's
/// id is.
pub(super) async fn end_session(State(node): ThisNode, segment: Segment) -> Outcome<CloseReply> {
    let ending = Ending::Session(session(segment)?);
    ok(CloseReply { closed: node.end(&ending).await? })
}

/// `?except=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExceptQuery {
    except: Option<String>,
}

pub(super) async fn end_sessions_of_user(
    State(node): ThisNode,
    segment: Segment,
    query: Parameters<ExceptQuery>,
) -> Outcome<CloseReply> {
    let user = user(segment)?;
    let Query(query) = query.map_err(|error| bad(error.body_text()))?;
    let except = match query.except.as_deref().map(SessionId::parse) {
        None => None,
        Some(Ok(except)) => Some(except),
        Some(Err(_)) => return Err(bad("except is not a session's id")),
    };
    ok(CloseReply { closed: node.end(&Ending::User { user, except }).await? })
}
