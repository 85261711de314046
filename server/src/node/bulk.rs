//! Bulk: one message for many users, or for everyone who is there.

use std::sync::Arc;

use kernel::{
    message::{Audience, Message},
    registry::{Key, KeyScope},
};
use protocol::{
    event::{Recipients, What},
    http::{
        BulkError, BulkRefused, BulkReply, BulkRequest, BulkResult, BulkSent, Durability, Echo,
        SendRequest,
    },
    id::MessageId,
    partition::Partition,
    problem::ProblemCode,
    target::Target,
};

use super::{Answered, Node, sends::not_accepted};
use crate::{
    answer::{Refusal, field_error},
    clock::Clock,
    random,
};

/// Users who are sent to before others get their turn.
const PART: usize = 64;

impl Node {
    /// Accepts a message for many users or everyone.
    ///
    /// # Errors
    /// If the request is wrong, or it is not known what was accepted.
    pub async fn send_to_many(
        &self,
        request: BulkRequest,
        key: Option<Key>,
    ) -> Result<Answered<BulkReply>, Refusal> {
        if self.is_draining() {
            return Err(self.refused(Refusal::later(ProblemCode::Draining)));
        }
        self.check_size(&request.data)?;
        match (request.everyone, request.users.is_empty()) {
            (true, true) => self.send_to_everyone(request, key).await,
            (true, false) => Err(field_error("everyone", "does not go with users")),
            (false, _) => self.send_to_users(request, key).await,
        }
    }

    async fn send_to_users(
        &self,
        request: BulkRequest,
        key: Option<Key>,
    ) -> Result<Answered<BulkReply>, Refusal> {
        let users = self.distinct(request.users)?;
        let key = key.map(for_many);
        if let Some(key) = &key {
            self.engine.begin(key).await.map_err(not_accepted)?;
        }
        let request = SendRequest {
            data: request.data,
            to: request.to,
            except: request.except,
            volatile: request.volatile,
            ttl: request.ttl,
            from: request.from,
            echo: request.echo,
        };
        let (mut results, mut all_replayed) = (Vec::with_capacity(users.len()), true);
        for (n, user) in users.into_iter().enumerate() {
            if n % PART == PART - 1 {
                tokio::task::yield_now().await;
            }
            let result = match self.send(&user, request.clone(), key.clone()).await {
                Ok(sent) => {
                    all_replayed &= sent.replayed;
                    BulkResult::Sent(BulkSent { user, sent: sent.answer })
                }
                // What holds for one of them is told of that one; all else holds for the call.
                Err(refusal)
                    if matches!(
                        refusal.code,
                        ProblemCode::Overloaded | ProblemCode::EngineFull
                    ) =>
                {
                    all_replayed = false;
                    let Refusal { code, detail, retry_ms, .. } = refusal;
                    let code = code.name().to_owned();
                    let error = BulkError { code, detail, retry_ms };
                    BulkResult::Refused(BulkRefused { user, error })
                }
                Err(refusal) => return Err(refusal),
            };
            results.push(result);
        }
        Ok(Answered { answer: BulkReply::Users { results }, replayed: all_replayed })
    }

    async fn send_to_everyone(
        &self,
        request: BulkRequest,
        key: Option<Key>,
    ) -> Result<Answered<BulkReply>, Refusal> {
        let apart = "does not go with everyone: it reaches who is live now, and is not kept";
        if request.ttl.is_some() {
            return Err(field_error("ttl", apart));
        }
        if request.echo.is_some_and(|echo| echo != Echo::No) {
            return Err(field_error("echo", apart));
        }
        let to = match request.to.unwrap_or_default() {
            Target::All => Audience::All,
            Target::Device(device) => Audience::Device(device),
            Target::Class(class) => Audience::Class(class),
            Target::Active | Target::Session(_) => return Err(field_error("to", apart)),
        };
        let message = Message {
            id: MessageId::new(Partition(0), random::bits()),
            position: None,
            data: request.data,
            at: Clock::timestamp(),
            from: request.from,
            echo_of: None,
            to,
            except: request.except,
            expires_at: None,
        };
        let spread = self
            .engine
            .everyone(Arc::new(message), key.map(for_many))
            .await
            .map_err(|not| self.refused(not_accepted(not)))?;
        if !spread.replayed {
            let to = Recipients::Everyone { everyone: true };
            self.tell(What::MessageAccepted { message: spread.id, to });
        }
        let (id, nodes) = (spread.id, spread.nodes);
        let answer = BulkReply::Everyone { id, nodes, durability: Durability::None };
        Ok(Answered { answer, replayed: spread.replayed })
    }
}

/// The key of a call to many.
fn for_many(key: Key) -> Key {
    let scope = match key.scope {
        KeyScope::Backend(name) => KeyScope::Many(name),
        scope @ (KeyScope::Many(_) | KeyScope::User(_)) => scope,
    };
    Key { scope, ..key }
}
