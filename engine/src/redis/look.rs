//! Look: what a step reads before it decides, in one go.
//!
//! It becomes an excerpt of a registry. A session whose node's lease lapsed counts as parked: it is
//! parked in the excerpt first, by the same rule, so that no step has to know of leases. But not right
//! after an outage, when it may only not have been renewed yet: for a step it is live then still.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{
    message::{Fenced, NodeRef},
    registry::{Excerpt, Mail, Person, Registry, Standing, State, Terms},
    stream::Extent,
};
use protocol::{
    frame::GapReason,
    id::{ResumeToken, Ticket},
    name::UserId,
    partition::Partition,
    position::Position,
    time::Timestamp,
};

use super::{
    kept::{self, number, read},
    keys::Keys,
    link::Fault,
};

/// What a step wants to see; tickets and tokens by their shades.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) partition: Partition,
    pub(super) user: Option<UserId>,
    pub(super) ticket: Option<Ticket>,
    pub(super) tokens: Vec<ResumeToken>,
    /// Whether the user is kept out.
    pub(super) block: bool,
    /// A node without whose lease nothing is done.
    pub(super) leased: Option<Arc<NodeRef>>,
}

/// What Redis answers: time, epoch, last epoch, the user, leases, single values.
pub(super) type Answer = (String, String, String, Vec<String>, Vec<String>, Vec<Option<String>>);

/// What a step saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) look: Look,
    pub(super) now: Timestamp,
    pub(super) epoch: String,
    pub(super) excerpt: Excerpt,
    /// Whether the user's stream is of an earlier epoch: its past is in doubt.
    pub(super) stale: bool,
    /// The user's version; empty if nothing is kept.
    pub(super) version: String,
    pub(super) leases: BTreeMap<String, Timestamp>,
    /// Keys of single values, with what was found.
    pub(super) values: Vec<(String, String)>,
    /// The ticket, as it is written.
    pub(super) ticket: Option<kept::Ticket>,
}

impl Look {
    /// All of a user, and nothing else.
    pub(super) fn at(user: &UserId) -> Self {
        Self {
            partition: Partition::of(user),
            user: Some(user.clone()),
            ticket: None,
            tokens: Vec::new(),
            block: false,
            leased: None,
        }
    }

    fn values(&self, keys: &Keys) -> Vec<String> {
        let ticket = self.ticket.map(|ticket| keys.ticket(ticket));
        let block = self.user.as_ref().filter(|_| self.block).map(|user| keys.block(user));
        let tokens = self.tokens.iter().map(|token| keys.token(*token));
        ticket.into_iter().chain(block).chain(tokens).collect()
    }

    /// The keys that are read.
    pub(super) fn keys(&self, keys: &Keys) -> Vec<String> {
        let fixed = [
            keys.primary(self.partition),
            keys.lease(self.partition),
            keys.user(self.partition, self.user.as_ref()),
        ];
        fixed.into_iter().chain(self.values(keys)).collect()
    }

    /// Reads the answer; else says under which key something cannot be read.
    pub(super) fn seen(self, keys: &Keys, answer: Answer) -> Result<Seen, String> {
        let (now, epoch, last, user, leases, found) = answer;
        let primary = || keys.primary(self.partition);
        let now = Timestamp(under(primary, number(&now))?);
        let last_epoch = under(primary, number(&last))?;
        let began = under(primary, number(&epoch))?;
        let mut excerpt = Excerpt { last_epoch, ..Excerpt::default() };
        let user = pairs(user);
        let stale = match (&self.user, user.get("e")) {
            (Some(name), Some(_)) => {
                let key = || keys.user(self.partition, Some(name));
                let mut person = under(key, person(name, &user))?;
                let stale = person.stream.epoch < began;
                if stale {
                    person.stream = Extent::new((now.0 * 1000).max(last_epoch + 1));
                    excerpt.last_epoch = person.stream.epoch;
                }
                let fences = person.standing.iter().map(|one| one.fence.0);
                excerpt.last_fence = fences.max().unwrap_or_default();
                excerpt.people.push(person);
                stale
            }
            _ => false,
        };
        let values = self.values(keys);
        if values.len() != found.len() {
            return Err(primary());
        }
        let mut values = values.into_iter().zip(found);
        let mut seen = Vec::new();
        let mut next = || {
            let (key, found) = values.next().unwrap_or_default();
            let known = found.clone().map(|found| (key.clone(), found));
            seen.push((key, found.unwrap_or_default()));
            known
        };
        let mut ticket: Option<kept::Ticket> = None;
        if let Some(name) = self.ticket {
            ticket = next().map(|(key, text)| under(|| key, read(&text))).transpose()?;
            // One that was issued before another primary came may have been spent there.
            if let Some(known) = ticket.clone().filter(|ticket| ticket.epoch == epoch) {
                excerpt.tickets.insert(name, known.issued());
            }
        }
        if let Some(name) = self.user.as_ref().filter(|_| self.block)
            && let Some((key, until)) = next()
        {
            excerpt.blocks.insert(name.clone(), under(|| key, kept::until(&until))?);
        }
        for token in &self.tokens {
            let code = |text: &str| read::<kept::Token>(text)?.code();
            let code = next().map(|(key, text)| under(|| key, code(&text))).transpose()?;
            if let Some(code) = code.flatten() {
                excerpt.ends.insert(*token, code);
            }
        }
        let until = |(node, until): (String, String)| Ok((node, Timestamp(number(&until)?)));
        let leases = pairs(leases).into_iter().map(until).collect::<Result<_, Fault>>();
        let leases = under(|| keys.lease(self.partition), leases)?;
        let version = user.get("v").cloned().unwrap_or_default();
        Ok(Seen { look: self, now, epoch, excerpt, stale, version, leases, values: seen, ticket })
    }
}

impl Seen {
    /// Whether a node's lease holds.
    pub(super) fn holds(&self, node: &str) -> bool {
        self.leases.get(node).is_some_and(|until| *until > self.now)
    }

    /// The partition's epoch.
    pub(super) fn epoch(&self) -> Result<u64, Fault> {
        number(&self.epoch)
    }

    /// The user, if anything is kept.
    pub(super) fn person(&self) -> Option<&Person> {
        self.excerpt.people.first()
    }

    /// The user's sessions.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Standing> {
        self.person().into_iter().flat_map(|person| &person.standing)
    }

    /// Where a session was live, by that admission.
    pub(super) fn node_of(&self, fenced: Fenced) -> Option<Arc<NodeRef>> {
        let one =
            self.standing().find(|one| one.id == fenced.session && one.fence == fenced.fence)?;
        match &one.state {
            State::Live(node) => Some(Arc::clone(node)),
            State::Parked { .. } => None,
        }
    }

    /// The registry that it makes, as it looks now: without nodes that are lost.
    pub(super) fn registry(&self, terms: Terms) -> Registry {
        let mut registry = Registry::of(terms, self.excerpt.clone());
        self.park_lost(&mut registry);
        registry
    }

    /// Parks the sessions of nodes that are lost; returns what those are told who asked after them.
    pub(super) fn park_lost(&self, registry: &mut Registry) -> Vec<Mail> {
        let mut mail = Vec::new();
        for one in self.standing() {
            if let State::Live(node) = &one.state
                && !self.holds(&node.to_string())
            {
                let fenced = Fenced { session: one.id, fence: one.fence };
                mail.extend(registry.park(self.now, fenced).1);
            }
        }
        mail
    }
}

/// What was read of a key, or the key.
fn under<T>(key: impl FnOnce() -> String, read: Result<T, Fault>) -> Result<T, String> {
    read.ok().ok_or_else(key)
}

/// Names with their values.
fn pairs(flat: Vec<String>) -> BTreeMap<String, String> {
    let mut flat = flat.into_iter();
    std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
}

/// A user as the rules see her.
fn person(name: &UserId, fields: &BTreeMap<String, String>) -> Result<Person, Fault> {
    let field = |field: &str| fields.get(field).map(String::as_str).ok_or(Fault::Foreign);
    let mut standing: Vec<Standing> = Vec::new();
    for (place, text) in fields {
        let Some(id) = place.strip_prefix("c:") else { continue };
        let joined: Position = kept::position(field(&format!("j:{id}"))?)?;
        let id = kept::session(id)?;
        standing.push(read::<kept::Session>(text)?.standing(id, joined)?);
    }
    let floor_reason = match field("r")? {
        "o" => GapReason::Overflow,
        _ => GapReason::Expired,
    };
    let stream = Extent {
        epoch: number(field("e")?)?,
        last: number(field("n")?)?,
        floor: number(field("f")?)?,
        floor_reason,
    };
    let vacant_since = fields.get("w").map(|at| number(at).map(Timestamp)).transpose()?;
    Ok(Person { name: name.clone(), standing, stream, vacant_since })
}
