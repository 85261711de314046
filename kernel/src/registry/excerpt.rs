//! Excerpt: what one step looks at, taken out of a registry that is kept elsewhere.
//!
//! An engine whose registry is in a store of others does not write the rules a second time. It
//! reads what a step looks at, makes a registry of it, takes the very same step, and takes the
//! excerpt out again: what differs is what the step did. Whether anything changed meanwhile is the
//! engine's to find out, and then to begin anew.
//!
//! Not here: how an excerpt is written down. Messages of streams and idempotency keys are in none;
//! an engine appends in one go.

use std::{collections::BTreeMap, net::IpAddr};

use protocol::{
    close::CloseCode,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{ResumeToken, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

use super::{
    IssuedTicket, Registry, Terms,
    block::Block,
    record::{Probe, Rare, Record, State, User},
};
use crate::{
    message::Fence,
    stream::{Extent, Stream},
};

/// A part of a registry, as values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// Tickets.
    pub tickets: BTreeMap<Ticket, IssuedTicket>,
    /// Users who have sessions, or had some a moment ago.
    pub people: Vec<Person>,
    /// End codes that are kept for those who try to come back.
    pub ends: BTreeMap<ResumeToken, CloseCode>,
    /// Users who are kept out, and until when, where that was said.
    pub blocks: BTreeMap<UserId, Option<Timestamp>>,
    /// The last epoch that a stream was given.
    pub last_epoch: u64,
    /// The last fence that an admission was given.
    pub last_fence: u64,
}

/// A user with all sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub name: UserId,
    /// The sessions, those whose window is over as well.
    pub standing: Vec<Standing>,
    /// How far the user's stream reaches.
    pub stream: Extent,
    /// Since when there is no session.
    pub vacant_since: Option<Timestamp>,
}

/// One session with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub id: SessionId,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Of which class.
    pub class: Option<DeviceClass>,
    /// Where its socket is.
    pub state: State,
    /// Its latest admission.
    pub fence: Fence,
    /// When it was first admitted.
    pub created_at: Timestamp,
    /// When it was last admitted.
    pub connected_at: Timestamp,
    /// When its user was last seen at it.
    pub active_at: Timestamp,
    /// When it is too old.
    pub ends_at: Timestamp,
    /// That of its ticket.
    pub policy: Policy,
    /// Messages up to here are not for it.
    pub joined: Position,
    /// The token to resume with.
    pub token: ResumeToken,
    /// Good as well until the session shows that it has its present token.
    pub previous_token: Option<ResumeToken>,
    /// From where it came.
    pub address: IpAddr,
    /// Whether its user had no session before it.
    pub first: bool,
    /// Up to where its app processed messages.
    pub acked: Option<Position>,
    /// Until when it is kept at least once its socket is lost.
    pub held_until: Option<Timestamp>,
    /// The page that alone may use it.
    pub origin: Option<Origin>,
    /// To whom it may send.
    pub send: SendGrant,
    /// What the app wants to see in lists.
    pub meta: Meta,
    /// Whether anybody is there, as far as nodes have asked.
    pub probe: Option<Probe>,
}

impl Registry {
    /// A registry that has an excerpt and nothing else.
    #[must_use]
    pub fn of(terms: Terms, excerpt: Excerpt) -> Self {
        let Excerpt { tickets, people, ends, blocks, last_epoch, last_fence } = excerpt;
        let blocks = blocks.into_iter().map(|(user, until)| (user, Block { until })).collect();
        let ended = ends.into_iter().collect();
        let mut registry =
            Self { tickets, ended, blocks, last_epoch, last_fence, ..Self::new(terms) };
        for person in people {
            let Person { name, standing, stream, vacant_since } = person;
            let user = User { vacant_since, ..User::new(name.clone(), Stream::of(stream)) };
            registry.people.meet(&name, || user);
            for one in standing {
                let (id, previous) = (one.id, one.previous_token);
                registry.people.add(&name, Record::from(one));
                if let Some(token) = previous {
                    registry.people.add_token(id, token);
                }
            }
        }
        registry
    }

    /// All that it has, but for messages and keys.
    #[must_use]
    pub fn excerpt(&self) -> Excerpt {
        let people = self.people.users().map(|user| Person {
            name: user.name.clone(),
            standing: user.records.iter().map(Standing::from).collect(),
            stream: user.stream.extent(),
            vacant_since: user.vacant_since,
        });
        Excerpt {
            people: people.collect(),
            tickets: self.tickets.clone(),
            ends: self.ended.iter().map(|(token, code)| (*token, *code)).collect(),
            blocks: self.blocks.iter().map(|(user, block)| (user.clone(), block.until)).collect(),
            last_epoch: self.last_epoch,
            last_fence: self.last_fence,
        }
    }
}

impl Standing {
    /// Whether it has a socket.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Live(_))
    }
}

impl From<Standing> for Record {
    fn from(one: Standing) -> Self {
        let rare = Rare {
            acked: one.acked,
            previous_token: one.previous_token,
            held_until: one.held_until,
            origin: one.origin,
            send: one.send,
            meta: one.meta,
            probe: one.probe,
        };
        Self {
            id: one.id,
            device: one.device,
            class: one.class,
            state: one.state,
            fence: one.fence,
            created_at: one.created_at,
            connected_at: one.connected_at,
            active_at: one.active_at,
            ends_at: one.ends_at,
            policy: one.policy,
            joined: one.joined,
            token: one.token,
            address: one.address,
            first: one.first,
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
        }
    }
}

impl From<&Record> for Standing {
    fn from(record: &Record) -> Self {
        let rare = record.rare();
        Self {
            id: record.id,
            device: record.device.clone(),
            class: record.class.clone(),
            state: record.state.clone(),
            fence: record.fence,
            created_at: record.created_at,
            connected_at: record.connected_at,
            active_at: record.active_at,
            ends_at: record.ends_at,
            policy: record.policy,
            joined: record.joined,
            token: record.token,
            previous_token: rare.previous_token,
            address: record.address,
            first: record.first,
            acked: rare.acked,
            held_until: rare.held_until,
            origin: rare.origin.clone(),
            send: rare.send.clone(),
            meta: rare.meta.clone(),
            probe: rare.probe.clone(),
        }
    }
}
