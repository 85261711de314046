//! Stream: what was accepted for one user, and what of it may not be kept any more.

use kernel::stream::Bounds;
use protocol::{
    data::Data,
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
    target::Target,
    time::Timestamp,
};

use super::stay::Facts;

/// A message that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) id: MessageId,
    /// To which sessions; `active` is settled.
    pub(super) to: Target,
    pub(super) except: Option<SessionId>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) at: Timestamp,
    pub(super) data: Data,
    pub(super) from: Option<UserId>,
    pub(super) echo_of: Option<UserId>,
    /// Bytes of all messages up to and with this one.
    pub(super) bytes: usize,
}

impl Accepted {
    /// Whether it is for a session that was there.
    pub(super) fn is_meant(&self, session: SessionId, facts: &Facts) -> bool {
        let meant = match &self.to {
            Target::All => true,
            Target::Active => unreachable!("settled when it was accepted"),
            Target::Device(device) => facts.device.as_ref() == Some(device),
            Target::Class(class) => facts.class.as_ref() == Some(class),
            Target::Session(one) => *one == session,
        };
        meant && self.except != Some(session)
    }
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) epoch: u64,
    /// The message with number `n` is at `n - 1`.
    messages: Vec<Accepted>,
    /// Since when its user has no session.
    nobody_since: Option<Timestamp>,
    /// Whether it may have been forgotten, so that another begins with a greater epoch.
    forgettable: bool,
}

impl Stream {
    pub(super) fn nobody_since(&mut self, now: Timestamp) {
        self.nobody_since = Some(now);
    }

    /// A session came, and its user's stream is kept.
    pub(super) fn somebody(&mut self) {
        self.nobody_since = None;
    }

    /// What time has ended was taken away.
    pub(super) fn swept(&mut self, now: Timestamp, bounds: &Bounds) {
        self.forgettable |= self.nobody_since.is_some_and(|since| since.after(bounds.age) <= now);
    }

    /// Nothing of its user need be kept.
    pub(super) fn is_forgettable(&self) -> bool {
        self.forgettable || self.epoch == 0
    }

    /// Whether something of its user, who has no session, may still be kept.
    pub(super) fn may_be_kept(&self, now: Timestamp, bounds: &Bounds) -> bool {
        let is_young = |at: Timestamp| at.after(bounds.age) > now;
        let has_young = self.messages.iter().any(|message| is_young(message.at));
        self.nobody_since.is_some_and(|since| is_young(since) || has_young)
    }

    pub(super) fn last(&self) -> u64 {
        self.messages.len() as u64
    }

    pub(super) fn head(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last() }
    }

    /// Takes note of the epoch that was seen; tells whether it may be.
    pub(super) fn is_in(&mut self, epoch: u64) -> bool {
        let may_begin = self.is_forgettable() && epoch > self.epoch;
        if may_begin {
            self.epoch = epoch;
            self.messages.clear();
        }
        // While somebody is there nothing is forgotten.
        self.forgettable &= self.nobody_since.is_some();
        epoch == self.epoch
    }

    pub(super) fn push(&mut self, message: Accepted) {
        let before = self.messages.last().map_or(0, |last| last.bytes);
        let bytes = before + message.data.len();
        self.messages.push(Accepted { bytes, ..message });
    }

    pub(super) fn at(&self, position: Position) -> Option<&Accepted> {
        let index = usize::try_from(position.seq).ok()?.checked_sub(1)?;
        self.messages.get(index).filter(|_| position.epoch == self.epoch)
    }

    /// The messages after `after`, up to `until` and without it if `until` is one.
    pub(super) fn between(
        &self,
        after: Position,
        until: Position,
    ) -> impl Iterator<Item = (Position, &Accepted)> {
        let epoch = self.epoch;
        let first = match after.epoch.cmp(&epoch) {
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => after.seq + 1,
            std::cmp::Ordering::Greater => u64::MAX,
        };
        let last = if until.epoch == epoch { until.seq.min(self.last()) } else { 0 };
        (first..=last)
            .map(move |seq| Position { epoch, seq })
            .filter_map(|position| Some((position, self.at(position)?)))
    }

    /// Whether a message need not be kept any more, for its age or for what came after it.
    pub(super) fn may_be_dropped(&self, seq: u64, latest: Timestamp, bounds: &Bounds) -> bool {
        let Some(message) = self.at(Position { epoch: self.epoch, seq }) else { return false };
        let before = message.bytes - message.data.len();
        let bytes = self.messages.last().map_or(0, |last| last.bytes) - before;
        let count = self.last() - seq + 1;
        message.at.after(bounds.age) <= latest
            || count > bounds.messages as u64
            || bytes > bounds.bytes
    }
}
