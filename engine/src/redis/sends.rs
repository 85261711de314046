//! Sends: a message is numbered, kept and sent in one script.

use std::{sync::Arc, time::Duration};

use kernel::{
    message::Message,
    registry::{Draft, Key, KeyScope, Reader, Receipt},
    stream::{Extent, Page},
};
use protocol::{
    frame::GapReason,
    id::{MessageId, SessionId},
    limit::{KEY_MEMORY, KEYS_PER_SENDER_MAX},
    name::UserId,
    partition::Partition,
    target::Target,
    time::Timestamp,
};

use super::{
    Redis,
    kept::{number, write},
    keys::HOME,
    link::Fault,
    script, shade, wire,
};
use crate::contract::{Failed, NotAppended, Spread};

/// What a script says of a message: whether it is new, and the receipt.
type Said = (String, Option<String>);

/// A part of a stream: time, epoch, last, floor, why, messages.
type Part = (String, String, String, String, String, Vec<String>);

/// Under what a message may be known.
#[derive(Debug, Default)]
struct Known {
    key: String,
    /// Which of those that are kept there; none where it is by itself.
    which: String,
    /// Of what was asked for; none where there is no idempotency key.
    print: String,
}

impl Redis {
    pub(super) async fn number(&self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended> {
        let partition = Partition::of(user);
        let Known { key, which: mine, print } =
            self.known(partition, draft.key.as_ref(), Some(user), draft.echo_of.as_ref());
        let keys = [
            self.keys.primary(partition),
            self.keys.lease(partition),
            self.keys.mail(partition),
            self.keys.user(partition, Some(user)),
            self.keys.stream(user),
            key,
        ];
        let (to, which) = match &draft.to {
            Target::All => ("all", String::new()),
            Target::Active => ("active", String::new()),
            Target::Device(device) => ("device", device.to_string()),
            Target::Class(class) => ("class", class.to_string()),
            Target::Session(session) => ("session", session.to_string()),
        };
        let bounds = self.terms.stream;
        let except = draft.except.map(|except| except.to_string()).unwrap_or_default();
        let sure_until = |by: SessionId| {
            let until = self.tenure.until(by.partition());
            self.tenure.there(partition, until).0.to_string()
        };
        let sure_until = draft.by.map(sure_until).unwrap_or_default();
        let words = [
            to,
            &which,
            &except,
            if draft.volatile { "1" } else { "0" },
            &draft.ttl.map(ms).unwrap_or_default(),
            &draft.data.len().to_string(),
            &wire::body(user, &draft),
            &bounds.messages.to_string(),
            &bounds.bytes.to_string(),
            &ms(bounds.age),
            &print,
            &draft.id.to_string(),
            &ms(KEY_MEMORY),
            &sure_until,
            &ms(self.lease),
            &mine,
            &KEYS_PER_SENDER_MAX.to_string(),
        ];
        let said = self.run::<Said>(partition, &script::APPEND, &keys, &words).await;
        #[cfg(feature = "planted")]
        if said.is_err() && crate::planted::is(crate::planted::Bug::Acknowledge) {
            let position = Some(protocol::position::Position { epoch: 1, seq: 1 });
            return Ok(Receipt { id: draft.id, position, live: 1, parked: 0, replayed: false });
        }
        let (word, receipt) = said.map_err(Fault::of_change)?;
        match (word.as_str(), receipt) {
            ("reused", _) => Err(NotAppended::KeyReused),
            ("late" | "unsure", _) => Err(Failed::NotDone.into()),
            (word, Some(receipt)) => {
                Ok(wire::receipt(&receipt, word == "again").map_err(Fault::of_change)?)
            }
            (_, None) => Err(Failed::Unknown.into()),
        }
    }

    /// Where an idempotency key is kept.
    fn known(
        &self,
        partition: Partition,
        key: Option<&Key>,
        recipient: Option<&UserId>,
        echo_of: Option<&UserId>,
    ) -> Known {
        let Some(Key { scope, text, fingerprint }) = key else {
            return Known { key: self.keys.key(partition, ""), ..Known::default() };
        };
        let (kind, whose) = match scope {
            KeyScope::Backend(name) => ("backend", &**name),
            KeyScope::Many(name) => ("many", &**name),
            KeyScope::User(user) => ("user", user.as_str()),
        };
        let name = shade::name(&["key", &write(&(kind, whose, text, recipient, echo_of))]);
        let (key, which) = match scope {
            KeyScope::User(user) => (self.keys.sent(partition, user), name),
            KeyScope::Backend(_) | KeyScope::Many(_) => {
                (self.keys.key(partition, &name), String::new())
            }
        };
        Known { key, which, print: format!("{fingerprint:x}") }
    }

    /// A message to all nodes, or only the key of a call to many.
    pub(super) async fn spread(
        &self,
        message: Option<&Arc<Message>>,
        key: Option<&Key>,
    ) -> Result<Spread, NotAppended> {
        // One partition keeps the keys of them all, and its leases are the nodes.
        let partition = HOME;
        let Known { key, print, .. } = self.known(partition, key, None, None);
        let keys = [self.keys.lease(partition), self.keys.mail(partition), key];
        let id = message.map_or_else(|| MessageId::new(partition, 0), |message| message.id);
        let text = message.map(|message| wire::broadcast(message)).unwrap_or_default();
        let words = [print, id.to_string(), ms(KEY_MEMORY), text];
        let words = words.each_ref().map(String::as_str);
        let said = self.run::<Said>(partition, &script::EVERYONE, &keys, &words).await;
        let (word, receipt) = said.map_err(Fault::of_change)?;
        if word == "reused" {
            return Err(NotAppended::KeyReused);
        }
        let receipt = receipt.unwrap_or_default();
        let (id, nodes) = receipt.split_once(' ').ok_or(Failed::Unknown)?;
        let id = MessageId::parse(id).or(Err(Failed::Unknown))?;
        let nodes = nodes.parse().or(Err(Failed::Unknown))?;
        Ok(Spread { id, nodes, replayed: word == "again" })
    }

    pub(super) async fn read_on(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Fault> {
        let mut after = reader.after;
        let mut gap = None;
        loop {
            let page = self.read_part(&Reader { after, ..reader.clone() }, messages, bytes).await?;
            let Some(mut page) = page else { return Ok(None) };
            gap = gap.or_else(|| page.gap.take());
            page.gap.clone_from(&gap);
            // All of a part may be over; what comes behind it is what was asked for.
            if !page.messages.is_empty() || !page.more || page.until <= after {
                return Ok(Some(page));
            }
            after = page.until;
        }
    }

    async fn read_part(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Fault> {
        let partition = Partition::of(&reader.user);
        let keys = [
            self.keys.primary(partition),
            self.keys.user(partition, Some(&reader.user)),
            self.keys.stream(&reader.user),
        ];
        let (fenced, after) = (reader.fenced, reader.after);
        let words = [
            fenced.session.to_string(),
            fenced.fence.0.to_string(),
            after.epoch.to_string(),
            after.seq.to_string(),
            messages.max(1).to_string(),
            bytes.to_string(),
        ];
        let words = words.each_ref().map(String::as_str);
        let part: Option<Part> = self.run(partition, &script::READ, &keys, &words).await?;
        let Some((now, epoch, last, floor, reason, texts)) = part else { return Ok(None) };
        let extent = Extent {
            epoch: number(&epoch)?,
            last: number(&last)?,
            floor: number(&floor)?,
            floor_reason: if reason == "o" { GapReason::Overflow } else { GapReason::Expired },
        };
        let mut kept = Vec::new();
        for text in &texts {
            kept.push(Arc::new(wire::message(text)?.1));
        }
        // Numbers have no holes; should some be lost, it must not be passed over.
        let start = extent.start(after);
        let whole = (start + 1..).zip(&kept).all(|(seq, one)| {
            one.position.is_some_and(|at| at.seq == seq && at.epoch == extent.epoch)
        });
        if !whole || (kept.is_empty() && start < extent.last) {
            return Err(Fault::Foreign);
        }
        let now = Timestamp(number(&now)?);
        Ok(Some(extent.page(after, kept.iter(), messages, bytes, now)))
    }
}

/// Whole milliseconds, as scripts count.
fn ms(time: Duration) -> String {
    // Beyond this their numbers are not exact; it is longer than anything lasts.
    time.as_millis().min(1 << 52).to_string()
}
