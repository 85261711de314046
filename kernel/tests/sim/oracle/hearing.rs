//! Hearing: what a device reads must be for it, in order, once, and all of it.

use kernel::message::Message;
use protocol::{
    frame::{Gap, GapReason},
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
};

use super::{Oracle, Promise, stream::Accepted};
use crate::{socket::Socket, told::Case, wire::HeardMessage};

/// A message that has no place in a stream.
#[derive(Debug)]
pub(super) struct Fleeting {
    accepted: Accepted,
    /// Whose sessions it is for; everyone's if absent.
    user: Option<UserId>,
    /// Where and when shards were told of it: node, its life, shard and step.
    told_at: Vec<(usize, u64, usize, u64)>,
}

impl Fleeting {
    pub(super) fn new(accepted: Accepted, user: Option<UserId>) -> Self {
        Self { accepted, user, told_at: Vec::new() }
    }
}

impl Oracle {
    /// A shard is told of a message that is not kept.
    pub(crate) fn passes(&mut self, message: &Message, at: (usize, u64, usize, u64)) {
        let name = (message.id, message.echo_of.is_some());
        if let Some(fleeting) = self.fleeting.get_mut(&name) {
            fleeting.told_at.push(at);
        }
    }

    /// Whether a message to everyone is for a session that is there.
    pub(crate) fn is_for(&self, id: MessageId, session: SessionId) -> bool {
        self.fleeting[&(id, false)].accepted.is_meant(session, &self.facts[&session])
    }

    /// A device has read its `welcome`; `known` is which session it came back to and from where.
    pub(crate) fn welcomes(
        &mut self,
        session: SessionId,
        position: Position,
        known: Option<(Option<SessionId>, Position)>,
    ) {
        let starts_at = self.facts[&session].starts_at;
        let due = known.unwrap_or((Some(session), starts_at));
        self.check(Promise::Resume, due == (Some(session), position), || {
            format!("{session} is welcomed at {position}, not {due:?}")
        });
    }

    /// A device has read a message; it has everything up to `known`.
    pub(crate) fn hears(&mut self, socket: &mut Socket, known: Position, heard: &HeardMessage) {
        self.count(Case::Received);
        self.count_if(Case::ReceivedReplayed, heard.replayed);
        match heard.position {
            Some(position) => self.hears_kept(socket.fenced.session, known, position, heard),
            None => self.hears_fleeting(socket, heard),
        }
    }

    fn hears_kept(
        &mut self,
        session: SessionId,
        known: Position,
        position: Position,
        heard: &HeardMessage,
    ) {
        self.check(Promise::Once, position > known, || {
            format!("{session} is at {known} and got {heard:?}")
        });
        let facts = &self.facts[&session];
        let accepted = self.people.get(&facts.user).and_then(|person| person.stream.at(position));
        let meant = accepted.is_some_and(|accepted| {
            accepted.is_meant(session, facts)
                && position > facts.joined
                && is_as_sent(accepted, heard)
        });
        self.check(Promise::Meant, meant, || format!("{session} got {heard:?}"));
        let before = Position { seq: position.seq.saturating_sub(1), ..position };
        self.has_all(session, known, before);
    }

    fn hears_fleeting(&mut self, socket: &mut Socket, heard: &HeardMessage) {
        let session = socket.fenced.session;
        let is_new = !socket.fleeting.contains(&heard.id);
        self.check(Promise::Once, is_new, || format!("{session} got {heard:?} twice"));
        socket.fleeting.push(heard.id);
        socket.owed.retain(|owed| *owed != heard.id);
        let Some(fleeting) = self.fleeting.get(&(heard.id, heard.echo_of != "-")) else {
            return self.blame(Promise::Meant, format!("{session} got {heard:?}"));
        };
        let facts = &self.facts[&session];
        let meant = fleeting.user.as_ref().is_none_or(|user| *user == facts.user)
            && fleeting.accepted.is_meant(session, facts)
            && is_as_sent(&fleeting.accepted, heard);
        let (place, opened) = (socket.place, socket.opened.step);
        let was_there = fleeting.told_at.iter().any(|(node, life, shard, step)| {
            (*node, *life, *shard) == (place.node, place.life, place.shard) && opened < *step
        });
        let to_everyone = fleeting.user.is_none();
        self.check(Promise::Meant, meant, || format!("{session} got {heard:?}"));
        self.check(Promise::Fleeting, was_there && !heard.replayed, || {
            format!("{session} came later, and got {heard:?}")
        });
        self.count(if to_everyone { Case::EveryoneReceived } else { Case::VolatileReceived });
    }

    /// A device was told that messages are missing.
    pub(crate) fn misses(&mut self, session: SessionId, known: Position, gap: &Gap) {
        self.check(Promise::Once, gap.after >= known, || {
            format!("{session} is at {known} and got {gap:?}")
        });
        self.has_all(session, known, gap.after);
        let facts = &self.facts[&session];
        let stream = &self.people[&facts.user].stream;
        if gap.reason != GapReason::Epoch {
            let missing = stream.between(gap.after, gap.until);
            let missing = missing.filter(|(_, accepted)| accepted.is_meant(session, facts));
            let missing = missing.count();
            (0..missing).for_each(|_| self.count(Case::InGap));
        }
        self.count(match gap.reason {
            GapReason::Expired => Case::GapExpired,
            GapReason::Overflow => Case::GapOverflow,
            GapReason::Epoch => Case::GapEpoch,
        });
    }

    /// A device was told that it has everything up to here.
    pub(crate) fn caught_up(&mut self, session: SessionId, known: Position, until: Position) {
        self.check(Promise::Once, until >= known, || {
            format!("{session} is at {known} and caught up to {until}")
        });
        self.has_all(session, known, until);
        self.count(Case::CaughtUp);
    }

    /// A device that follows must have everything by now.
    pub(crate) fn follows(&mut self, session: SessionId, known: Position) {
        let head = self.people[&self.facts[&session].user].stream.head();
        self.has_all(session, known, head);
    }

    /// Nothing between two places is for a session, but what it need not be sent any more.
    fn has_all(&mut self, session: SessionId, after: Position, until: Position) {
        let (latest, facts) = (self.latest(), &self.facts[&session]);
        let stream = &self.people[&facts.user].stream;
        let (mut missing, mut skipped) = (Vec::new(), 0);
        for (position, accepted) in stream.between(after.max(facts.joined), until) {
            let over = accepted.expires_at.is_some_and(|at| at <= latest);
            match accepted.is_meant(session, facts) {
                true if over => skipped += 1,
                true => missing.push((position, accepted.id)),
                false => {}
            }
        }
        (0..skipped).for_each(|_| self.count(Case::TtlSkipped));
        self.check(Promise::Delivery, missing.is_empty(), || {
            format!("{session} went from {after} to {until} without {missing:?}")
        });
    }
}

fn is_as_sent(accepted: &Accepted, heard: &HeardMessage) -> bool {
    let name = |user: &Option<UserId>| {
        user.as_ref().map_or_else(|| "-".to_owned(), |user| user.as_str().to_owned())
    };
    accepted.id == heard.id
        && accepted.data.as_str() == heard.data
        && name(&accepted.from) == heard.from
        && name(&accepted.echo_of) == heard.echo_of
}
