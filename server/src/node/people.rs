//! People: who is there, and who is kept out.

use std::collections::HashSet;

use engine::contract::Query;
use kernel::registry::Presence;
use protocol::{
    http::{Block, Session, UserReply},
    id::SessionId,
    limit,
    name::UserId,
    problem::ProblemCode,
};

use super::{Node, not_taken};
use crate::answer::{Refusal, field_error};

impl Node {
    /// How many sessions a user has.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn user(&self, user: UserId) -> Result<UserReply, Refusal> {
        let presence = self.engine.presence(std::slice::from_ref(&user)).await;
        let presence = presence.map_err(not_taken)?.first().copied().unwrap_or_default();
        Ok(shown(user, presence))
    }

    /// How many sessions each of these users has.
    ///
    /// # Errors
    /// If there are none or too many of them, or the engine could not tell.
    pub async fn users(&self, users: Vec<UserId>) -> Result<Vec<UserReply>, Refusal> {
        let users = self.distinct(users)?;
        let presence = self.engine.presence(&users).await.map_err(not_taken)?;
        Ok(users.into_iter().zip(presence).map(|(user, one)| shown(user, one)).collect())
    }

    /// Sessions that are live or parked.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Refusal> {
        self.engine.sessions(query).await.map_err(not_taken)
    }

    /// One session.
    ///
    /// # Errors
    /// If there is none with that id.
    pub async fn session(&self, id: SessionId) -> Result<Session, Refusal> {
        let found = self.sessions(&Query::Session(id)).await?.pop();
        found.ok_or_else(|| Refusal::plain(ProblemCode::SessionUnknown))
    }

    /// A page of all sessions, or of a user's, or of those `at` a node, and after which the next
    /// begins. Those at a node are looked for among as many as a page may have, so that one call costs
    /// no more than that; few or none of them may be such.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn page_of_sessions(
        &self,
        user: Option<UserId>,
        at: Option<&str>,
        after: Option<SessionId>,
        most: usize,
    ) -> Result<(Vec<Session>, Option<SessionId>), Refusal> {
        let is_there = |session: &Session| at.is_none_or(|at| session.node == at);
        let found = match (user, at) {
            (None, None) => self.sessions(&Query::All { after, most: most + 1 }).await?,
            (None, Some(_)) => {
                let mut found = self.sessions(&Query::All { after, most: limit::LIST_MAX }).await?;
                let last = found.last().filter(|_| found.len() == limit::LIST_MAX);
                let last = last.map(|session| session.id);
                found.retain(is_there);
                let (found, next) = page(found, most, |session| session.id);
                return Ok((found, next.or(last)));
            }
            (Some(user), _) => {
                let mut found = self.sessions(&Query::User(user)).await?;
                found.retain(|one| after.is_none_or(|after| one.id > after) && is_there(one));
                found.sort_by_key(|session| session.id);
                found
            }
        };
        Ok(page(found, most, |session| session.id))
    }

    /// A page of all users who are kept out, and after whom the next begins.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn page_of_blocks(
        &self,
        after: Option<UserId>,
        most: usize,
    ) -> Result<(Vec<Block>, Option<UserId>), Refusal> {
        let found = self.engine.blocks(after, most + 1).await.map_err(not_taken)?;
        let block = |one: kernel::registry::Blocked| Block { user: one.user, until: one.until };
        let found = found.into_iter().map(block).collect();
        Ok(page(found, most, |block: &Block| block.user.clone()))
    }

    /// Each of these users once, if one call may name so many.
    pub(super) fn distinct(&self, users: Vec<UserId>) -> Result<Vec<UserId>, Refusal> {
        let most = self.config.limits.users_per_call;
        if users.is_empty() || users.len() > most {
            return Err(field_error("users", &format!("must name 1 to {most} users")));
        }
        let mut known = HashSet::new();
        Ok(users.into_iter().filter(|user| known.insert(user.clone())).collect())
    }
}

/// Of one more than was asked for, what was asked for, and the last of it if there is more.
fn page<T, K>(mut found: Vec<T>, most: usize, key: impl Fn(&T) -> K) -> (Vec<T>, Option<K>) {
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(key);
    (found, next)
}

fn shown(user: UserId, presence: Presence) -> UserReply {
    let Presence { live, parked, blocked } = presence;
    UserReply { user, online: live + parked > 0, blocked, live, parked }
}
