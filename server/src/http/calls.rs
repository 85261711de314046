//! Calls: what backends ask for.

use std::sync::Arc;

use axum::extract::State;
use engine::contract::{Ending, Query};
use protocol::{
    http::{
        self, Block, BlockReply, BlockRequest, BulkReply, BulkRequest, CloseReply, List, SendReply,
        SendRequest, Session, SessionSendRequest, StatsReply, TicketReply, TicketRequest,
        UserReply, UsersQuery,
    },
    id::SessionId,
    name::UserId,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    cursor::NameCursor,
    repeatable::Repeatable,
    reply::{Made, Outcome, Told, created, ok, told},
    taken::{Body, InPath, InQuery, Limit, NodeName},
};
use crate::{answer::Refusal, node::Node};

type ThisNode = State<Arc<Node>>;

pub(super) async fn mint(
    State(node): ThisNode,
    Body(request): Body<TicketRequest>,
) -> Made<TicketReply> {
    created(node.mint(request).await?)
}

pub(super) async fn send(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
    Repeatable { body, key, .. }: Repeatable<SendRequest>,
) -> Result<Told<SendReply>, Refusal> {
    told(node.send(&user, body, key).await?)
}

pub(super) async fn send_to_session(
    State(node): ThisNode,
    InPath(session): InPath<SessionId>,
    Repeatable { body, key, .. }: Repeatable<SessionSendRequest>,
) -> Result<Told<SendReply>, Refusal> {
    told(node.send_to_session(session, body, key).await?)
}

pub(super) async fn send_to_many(
    State(node): ThisNode,
    Repeatable { body, key, .. }: Repeatable<BulkRequest>,
) -> Result<Told<BulkReply>, Refusal> {
    told(node.send_to_many(body, key).await?)
}

pub(super) async fn query_users(
    State(node): ThisNode,
    Body(UsersQuery { users }): Body<UsersQuery>,
) -> Outcome<List<UserReply>> {
    ok(List { items: node.users(users).await?, next_cursor: None })
}

pub(super) async fn block(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
    Body(request): Body<BlockRequest>,
) -> Outcome<BlockReply> {
    ok(node.block(&user, request).await?)
}

pub(super) async fn lift(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
) -> Outcome<BlockReply> {
    ok(node.lift(&user).await?)
}

/// Which blocks to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlocksQuery {
    /// How many at most.
    #[serde(default)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before.
    cursor: Option<NameCursor>,
}

pub(super) async fn blocks(
    State(node): ThisNode,
    InQuery(BlocksQuery { limit: Limit(most), cursor }): InQuery<BlocksQuery>,
) -> Outcome<List<Block>> {
    let (items, next) = node.page_of_blocks(cursor.map(|cursor| cursor.0), most).await?;
    ok(List { items, next_cursor: next.map(|user| NameCursor(user).to_string()) })
}

pub(super) async fn show_user(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
) -> Outcome<UserReply> {
    ok(node.user(user).await?)
}

pub(super) async fn sessions_of_user(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
) -> Outcome<List<Session>> {
    ok(List { items: node.sessions(&Query::User(user)).await?, next_cursor: None })
}

/// Which sessions to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only those of this user.
    user: Option<UserId>,
    /// Only those of this node. A page may then have few or none though there is a `next_cursor`.
    node: Option<NodeName>,
    /// How many at most.
    #[serde(default)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before.
    cursor: Option<SessionId>,
}

pub(super) async fn sessions(
    State(node): ThisNode,
    InQuery(query): InQuery<ListQuery>,
) -> Outcome<List<Session>> {
    let ListQuery { user, node: at, limit: Limit(most), cursor: after } = query;
    let (items, next) = node.page_of_sessions(user, at.as_deref(), after, most).await?;
    ok(List { items, next_cursor: next.map(|id| id.to_string()) })
}

pub(super) async fn show_session(
    State(node): ThisNode,
    InPath(session): InPath<SessionId>,
) -> Outcome<Session> {
    ok(node.session(session).await?)
}

/// A session that is not known is closed already, so this is no error; a text that is no session's
/// id is.
pub(super) async fn end_session(
    State(node): ThisNode,
    InPath(session): InPath<SessionId>,
) -> Outcome<CloseReply> {
    ok(CloseReply { closed: node.end(&Ending::Session(session)).await? })
}

/// Which sessions to end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndQuery {
    /// The one that is spared.
    except: Option<SessionId>,
}

pub(super) async fn end_sessions_of_user(
    State(node): ThisNode,
    InPath(user): InPath<UserId>,
    InQuery(EndQuery { except }): InQuery<EndQuery>,
) -> Outcome<CloseReply> {
    ok(CloseReply { closed: node.end(&Ending::User { user, except }).await? })
}

pub(super) async fn stats(State(node): ThisNode) -> Outcome<StatsReply> {
    ok(node.stats().await?)
}

pub(super) async fn nodes(State(node): ThisNode) -> Outcome<List<http::Node>> {
    ok(List { items: node.nodes().await?, next_cursor: None })
}

pub(super) async fn drain_node(
    State(node): ThisNode,
    InPath(name): InPath<NodeName>,
) -> Outcome<http::Node> {
    ok(node.ask_to_leave(&name).await?)
}
