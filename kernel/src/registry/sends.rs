//! What the registry does with a message.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use protocol::{
    data::Data,
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
    target::Target,
    time::Timestamp,
};

use super::{
    Mail, Registry,
    keys::{Key, Known, Name},
    receipt::Receipt,
    record::{Record, State},
};
use crate::{
    message::{Envelope, Fenced, Message, NodeRef, Notice},
    plan,
    stream::Page,
};

/// A message that is to be accepted.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its id; an echo carries that of the message that it is a copy of.
    pub id: MessageId,
    /// What the app says.
    pub data: Data,
    /// The user who sends it, where a user does.
    pub from: Option<UserId>,
    /// The recipient, where this is the sender's own copy.
    pub echo_of: Option<UserId>,
    /// To which of the user's sessions.
    pub to: Target,
    /// A session that does not get it.
    pub except: Option<SessionId>,
    /// Whether it skips the stream.
    pub volatile: bool,
    /// After which nobody wants it any more.
    pub ttl: Option<Duration>,
    /// By which it is known when it is sent again.
    pub key: Option<Key>,
    /// The session that sends it, where one does: not accepted once its node has lost the lease of it,
    /// in an engine that has leases.
    pub by: Option<SessionId>,
}

/// A session that reads on in its user's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Whose stream it is.
    pub user: UserId,
    /// The session, at this admission.
    pub fenced: Fenced,
    /// What it has already.
    pub after: Position,
}

/// Why a message was not accepted. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAppended {
    /// Its key was used for another one.
    KeyReused,
    /// There are too many keys to remember one more.
    TooManyKeys,
}

impl Registry {
    /// Numbers a message, keeps it, chooses its targets; the mail is one envelope for each node
    /// that has one of them. One that was accepted before under the same key is told again.
    ///
    /// # Errors
    /// If its key does not allow it.
    pub fn append(
        &mut self,
        now: Timestamp,
        user: &UserId,
        mut draft: Draft,
    ) -> Result<(Receipt, Vec<Mail>), NotAppended> {
        let Some(key) = draft.key.take() else { return Ok(self.accept(now, user, draft)) };
        let name = Name::new(&key, Some(user), draft.echo_of.as_ref());
        if let Some(receipt) = self.known(now, &name, key.fingerprint)? {
            return Ok((receipt, Vec::new()));
        }
        let (receipt, mail) = self.accept(now, user, draft);
        self.keys.keep(now, name, key.fingerprint, receipt);
        Ok((receipt, mail))
    }

    /// Accepts a message to everyone, if `spread` can tell all nodes; nothing of it is kept but its
    /// key. `None` if they cannot be told.
    ///
    /// # Errors
    /// If its key does not allow it.
    pub fn everyone(
        &mut self,
        now: Timestamp,
        id: MessageId,
        key: Option<&Key>,
        spread: impl FnOnce() -> bool,
    ) -> Result<Option<Receipt>, NotAppended> {
        let name = key.map(|key| (Name::new(key, None, None), key.fingerprint));
        if let Some((name, fingerprint)) = &name
            && let Some(receipt) = self.known(now, name, *fingerprint)?
        {
            return Ok(Some(receipt));
        }
        if !spread() {
            return Ok(None);
        }
        let receipt = Receipt { id, position: None, live: 0, parked: 0, replayed: false };
        if let Some((name, fingerprint)) = name {
            self.keys.keep(now, name, fingerprint, receipt);
        }
        Ok(Some(receipt))
    }

    /// What was accepted under a key before.
    fn known(
        &mut self,
        now: Timestamp,
        name: &Name,
        fingerprint: u128,
    ) -> Result<Option<Receipt>, NotAppended> {
        self.keys.forget(now);
        match self.keys.look(name, fingerprint) {
            Known::Same(receipt) => Ok(Some(receipt)),
            Known::Other => Err(NotAppended::KeyReused),
            Known::New if self.keys.are_full(name.scope(), self.terms.keys) => {
                Err(NotAppended::TooManyKeys)
            }
            Known::New => Ok(None),
        }
    }

    fn accept(&mut self, now: Timestamp, user: &UserId, draft: Draft) -> (Receipt, Vec<Mail>) {
        let nobody = Receipt { id: draft.id, position: None, live: 0, parked: 0, replayed: false };
        let Some(known) = self.people.user_mut(user) else { return (nobody, Vec::new()) };
        if known.standing(now).next().is_none() {
            return (nobody, Vec::new());
        }
        let Some(to) = plan::settle(draft.to, known.standing(now).map(Record::candidate)) else {
            return (nobody, Vec::new());
        };
        let message = Message {
            id: draft.id,
            position: (!draft.volatile).then(|| known.stream.next()),
            data: draft.data,
            at: now,
            from: draft.from,
            echo_of: draft.echo_of,
            to,
            except: draft.except,
            expires_at: draft.ttl.map(|ttl| now.after(ttl)),
        };
        let mut receipt = Receipt { position: message.position, ..nobody };
        let mut nodes: BTreeSet<Arc<NodeRef>> = BTreeSet::new();
        for record in known.standing(now).filter(|record| plan::matches(&message, &record.member()))
        {
            match &record.state {
                State::Live(node) => {
                    receipt.live += 1;
                    nodes.insert(Arc::clone(node));
                }
                State::Parked { .. } if draft.volatile => {}
                State::Parked { .. } => receipt.parked += 1,
            }
        }
        let message = Arc::new(message);
        if !draft.volatile {
            known.stream.append(Arc::clone(&message), &self.terms.stream, now);
        }
        let envelope = |node| {
            let notice = Notice::Message(Arc::clone(&message));
            Mail { node, envelope: Envelope { user: user.clone(), notice } }
        };
        (receipt, nodes.into_iter().map(envelope).collect())
    }

    /// Reads on in a user's stream for one of the sessions. For one that was admitted again since, or
    /// ended, there is nothing to read: what came after that is not for it.
    #[must_use]
    pub fn read(
        &self,
        now: Timestamp,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Option<Page> {
        let known = self.people.user(&reader.user)?;
        let stands = known.records.iter().any(|record| record.fenced() == reader.fenced);
        stands.then(|| known.stream.read(reader.after, messages, bytes, now))
    }
}
