//! Sends: from a backend or a session to a user's sessions, with the sender's own copy.

use engine::contract::{Failed, NotAppended};
use kernel::{
    registry::{Draft, Key, KeyScope, Receipt},
    shard::Forward,
};
use protocol::{
    data::Data,
    event::{Recipients, What},
    frame::{ReplyError, ReplyOutcome},
    http::{Durability, Echo, SendReply, SendRequest, SessionSendRequest},
    id::SessionId,
    name::UserId,
    problem::ProblemCode,
    target::Target,
};

use super::{Answered, Node};
use crate::{
    answer::{Refusal, field_error},
    fingerprint, random,
};

impl Node {
    /// Accepts a message for a user, and the sender's copy if one is asked for.
    ///
    /// # Errors
    /// If it was not accepted.
    pub async fn send(
        &self,
        user: &UserId,
        request: SendRequest,
        key: Option<Key>,
    ) -> Result<Answered<SendReply>, Refusal> {
        // A session may send until its socket closes; a backend has other nodes to ask.
        if self.is_draining() {
            return Err(self.refused(Refusal::later(ProblemCode::Draining)));
        }
        let echo = request.echo.unwrap_or_default();
        if echo != Echo::No && request.from.is_none() {
            return Err(field_error("echo", "needs from: whose sessions get the copy?"));
        }
        let draft = Draft {
            id: random::message(user),
            data: request.data,
            from: request.from,
            echo_of: None,
            to: request.to.unwrap_or_default(),
            except: request.except,
            volatile: request.volatile,
            ttl: request.ttl.map(|ttl| ttl.duration()),
            key,
            by: None,
        };
        let copy = match (echo, draft.from.clone()) {
            (Echo::No, _) | (_, None) => None,
            // Who sends to oneself has it already.
            (_, Some(from)) if from == *user => None,
            (Echo::All, Some(from)) => Some((from, None)),
            (Echo::Except(session), Some(from)) => Some((from, Some(session))),
        };
        self.accept(user, draft, copy).await
    }

    /// Accepts a message for one session.
    ///
    /// # Errors
    /// If it was not accepted, or there is no such session.
    pub async fn send_to_session(
        &self,
        session: SessionId,
        request: SessionSendRequest,
        key: Option<Key>,
    ) -> Result<Answered<SendReply>, Refusal> {
        let user = self.session(session).await?.user;
        self.send(&user, request.to(session), key).await
    }

    /// Accepts a message that a session sends. Its own user's other sessions get a copy, unless it
    /// is volatile or told not to.
    pub(crate) async fn forward(&self, forward: Forward) -> ReplyOutcome {
        let Forward { session, user: sender, frame, .. } = forward;
        let to_oneself = frame.user == sender;
        let key = frame.key.as_deref().map(|text| Key {
            scope: KeyScope::User(sender.clone()),
            text: text.into(),
            fingerprint: fingerprint::of_frame(&frame),
        });
        let draft = Draft {
            id: random::message(&frame.user),
            data: frame.data,
            from: Some(sender.clone()),
            echo_of: None,
            to: frame.to,
            except: to_oneself.then_some(session),
            volatile: frame.volatile,
            ttl: frame.ttl,
            key,
            by: Some(session),
        };
        let echo = frame.echo.unwrap_or(!frame.volatile) && !to_oneself;
        let copy = echo.then_some((sender, Some(session)));
        match self.accept(&frame.user, draft, copy).await {
            Ok(Answered { answer: sent, .. }) => {
                ReplyOutcome::Sent { id: sent.id, echoed: sent.echoed.filter(|echoed| !echoed) }
            }
            Err(refusal) => ReplyOutcome::Refused {
                error: ReplyError {
                    code: refusal.code.name().to_owned(),
                    detail: refusal.detail,
                    retry_ms: refusal.retry_ms,
                },
            },
        }
    }

    /// Refuses what is larger than the operator allows, which may be less than the protocol does.
    pub(super) fn check_size(&self, data: &Data) -> Result<(), Refusal> {
        let bytes_max = self.config.limits.data_bytes;
        match data.len() <= bytes_max {
            true => Ok(()),
            false => Err(field_error("data", &format!("must have at most {bytes_max} bytes"))),
        }
    }

    /// The recipient's append decides the answer; the copy carries the same id. A call that broke
    /// off between the two is completed by its repetition, since each has its key.
    async fn accept(
        &self,
        user: &UserId,
        draft: Draft,
        copy: Option<(UserId, Option<SessionId>)>,
    ) -> Result<Answered<SendReply>, Refusal> {
        self.check_size(&draft.data)?;
        let copy = copy.map(|(sender, except)| {
            let draft =
                Draft { echo_of: Some(user.clone()), to: Target::All, except, ..draft.clone() };
            (sender, draft)
        });
        let receipt = self.engine.append(user, draft).await;
        let receipt = receipt.map_err(|not| self.refused(not_accepted(not)))?;
        let Receipt { id, position, live, parked, replayed } = receipt;
        if !replayed {
            let to = Recipients::User { user: user.clone(), live, parked };
            self.tell(What::MessageAccepted { message: id, to });
        }
        let echoed = match copy {
            None => None,
            Some((sender, copy)) => {
                Some(self.engine.append(&sender, Draft { id, ..copy }).await.is_ok())
            }
        };
        let durability = match position {
            Some(_) => self.engine.durability(),
            None => Durability::None,
        };
        let matched = live + parked;
        let answer = SendReply { id, position, matched, live, parked, durability, echoed };
        Ok(Answered { answer, replayed })
    }
}

/// Why a message is not accepted, or not known to be.
pub(super) fn not_accepted(not: NotAppended) -> Refusal {
    match not {
        NotAppended::KeyReused => Refusal::plain(ProblemCode::KeyReused),
        NotAppended::Failed(Failed::NotDone) => Refusal::later(ProblemCode::Overloaded),
        NotAppended::Failed(Failed::Full) => Refusal::later(ProblemCode::EngineFull),
        NotAppended::Failed(Failed::Unknown) => Refusal::plain(ProblemCode::AcceptUnknown),
    }
}
