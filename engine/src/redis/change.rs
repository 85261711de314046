//! Change: what a step did, as commands.
//!
//! The excerpt before the step is compared with that after it. Each command is written down with
//! the keys that it touches, and `commit.lua` does them all, or none if anything that the step saw
//! has changed.

use std::{collections::BTreeSet, time::Duration};

use kernel::{
    message::NodeRef,
    registry::{Excerpt, Mail, Person, Standing, State, Terms},
};
use protocol::{
    id::SessionId, limit::TICKET_MEMORY, partition::Partition, position::Position, time::Timestamp,
};

use super::{
    kept::{self, write},
    keys::Keys,
    look::Seen,
    wire,
};

/// A look that is older is not acted upon: what it saw of time may be wrong by now.
const LOOK_AGE_MAX: Duration = Duration::from_secs(2);

/// For how much longer than it stands something is kept, in case nobody ever takes it away.
const MARGIN: Duration = Duration::from_secs(3600);

/// The furthest time that is written down; some ends are at the end of time.
const FAR: Duration = Duration::from_secs(400 * 24 * 3600);

/// What a step decided.
pub(super) struct Change<'a> {
    keys: &'a Keys,
    terms: &'a Terms,
    seen: &'a Seen,
    touched: BTreeSet<String>,
    words: Vec<String>,
    commands: usize,
    joins: bool,
}

/// A change, ready to be sent.
pub(super) struct Commit {
    pub(super) keys: Vec<String>,
    pub(super) words: Vec<String>,
    /// Whether a new session begins at the head, wherever that is by then.
    pub(super) joins: bool,
}

impl<'a> Change<'a> {
    /// What differs between what a step saw and what it left, and whom it tells. `None` if nothing
    /// does. `version` is the user's new one, which no other step has; `seal` is the sealed token of
    /// a session that spends a ticket; `at_head` whether a new session begins at the head.
    pub(super) fn of(
        (keys, terms, seen): (&'a Keys, &'a Terms, &'a Seen),
        after: &Excerpt,
        mail: &[Mail],
        (version, seal, at_head): (&str, &str, bool),
    ) -> Option<Commit> {
        let (touched, words) = (BTreeSet::new(), Vec::new());
        let mut change = Self { keys, terms, seen, touched, words, commands: 0, joins: false };
        change.tickets(after, seal);
        change.ends(after);
        change.blocks(after);
        change.people(after, version, at_head);
        for Mail { node, envelope } in mail {
            change.command(None, &["MAIL", &node.to_string(), &wire::notice(envelope)]);
        }
        (change.commands > 0).then(|| change.finish())
    }

    fn finish(self) -> Commit {
        let Self { keys, seen, touched, words, joins, .. } = self;
        let partition = seen.look.partition;
        let mut all = vec![
            keys.primary(partition),
            keys.lease(partition),
            keys.mail(partition),
            keys.user(partition, seen.look.user.as_ref()),
        ];
        all.extend(seen.values.iter().map(|(key, _)| key.clone()));
        all.extend(
            touched.into_iter().filter(|key| !seen.values.iter().any(|(seen, _)| seen == key)),
        );
        let mut before = vec![
            seen.epoch.clone(),
            seen.now.0.to_string(),
            LOOK_AGE_MAX.as_millis().to_string(),
            seen.version.clone(),
        ];
        let nodes = seen.nodes();
        before.push(nodes.len().to_string());
        for node in nodes {
            before.push(node.clone());
            before.push(u8::from(seen.holds(&node)).to_string());
        }
        before.push(seen.values.len().to_string());
        before.extend(seen.values.iter().map(|(_, found)| found.clone()));
        before.extend(words);
        Commit { keys: all, words: before, joins }
    }

    fn partition(&self) -> Partition {
        self.seen.look.partition
    }

    /// One command, and the key that it touches unless every step declares it.
    fn command(&mut self, key: Option<&str>, words: &[&str]) {
        self.touched.extend(key.map(str::to_owned));
        self.words.push(words.len().to_string());
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self.commands += 1;
    }

    /// A time to be written down.
    fn bounded(&self, at: Timestamp) -> String {
        at.min(self.seen.now.after(FAR)).0.to_string()
    }

    fn set(&mut self, key: &str, value: &str, until: Timestamp) {
        let until = self.bounded(until);
        self.command(Some(key), &["SET", key, value, "PXAT", &until]);
    }

    fn delete(&mut self, key: &str) {
        self.command(Some(key), &["DEL", key]);
    }

    fn score(&mut self, key: &str, at: Timestamp, member: &str) {
        let at = self.bounded(at);
        self.command(Some(key), &["ZADD", key, &at, member]);
    }

    fn unscore(&mut self, key: &str, member: &str) {
        self.command(Some(key), &["ZREM", key, member]);
    }

    fn tickets(&mut self, after: &Excerpt, seal: &str) {
        for (name, ticket) in &after.tickets {
            if self.seen.excerpt.tickets.get(name) == Some(ticket) {
                continue;
            }
            #[cfg(feature = "planted")]
            if matches!(ticket.state, kernel::registry::TicketState::Spent { .. })
                && crate::planted::is(crate::planted::Bug::Ticket)
            {
                continue;
            }
            let state = match &ticket.state {
                kernel::registry::TicketState::Good(grant) => {
                    kept::Spending::Good(Box::new((&**grant).into()))
                }
                kernel::registry::TicketState::Spent { by } => {
                    kept::Spending::Spent { by: *by, seal: seal.to_owned() }
                }
            };
            let Some(user) = self.seen.look.user.clone() else { continue };
            let (epoch, until) = (self.seen.epoch.clone(), ticket.expires_at);
            let value = write(&kept::Ticket { epoch, until, user, state });
            self.set(&self.keys.ticket(*name), &value, until.after(TICKET_MEMORY));
        }
    }

    fn ends(&mut self, after: &Excerpt) {
        for (token, code) in &after.ends {
            if self.seen.excerpt.ends.get(token) != Some(code) {
                let value = write(&kept::Token::Ended(code.number()));
                let until = self.seen.now.after(self.terms.resume_window);
                self.set(&self.keys.token(*token), &value, until);
            }
        }
    }

    fn blocks(&mut self, after: &Excerpt) {
        let Some(user) = &self.seen.look.user else { return };
        let (before, now) = (self.seen.excerpt.blocks.get(user), after.blocks.get(user));
        if before == now {
            return;
        }
        let (key, list) = (self.keys.block(user), self.keys.blocks(self.partition()));
        match now {
            Some(Some(until)) => self.set(&key, &until.0.to_string(), *until),
            Some(None) => self.command(Some(&key), &["SET", &key, "-"]),
            None => self.delete(&key),
        }
        match now {
            Some(_) => self.command(Some(&list), &["ZADD", &list, "0", user.as_str()]),
            None => self.unscore(&list, user.as_str()),
        }
    }

    fn people(&mut self, after: &Excerpt, version: &str, at_head: bool) {
        let before = self.seen.person();
        let Some(name) = &self.seen.look.user else { return };
        let user = self.keys.user(self.partition(), Some(name));
        let Some(person) = after.people.first() else {
            if before.is_some() {
                self.delete(&user);
                self.delete(&self.keys.stream(name));
            }
            return;
        };
        if before == Some(person) && !self.seen.stale {
            return;
        }
        self.command(None, &["HSET", &user, "v", version]);
        let is_other = |before: &Person| before.stream.epoch != person.stream.epoch;
        if before.is_none_or(is_other) || self.seen.stale {
            self.begin(&user, person);
        }
        let empty = Vec::new();
        let had = before.map_or(&empty, |before| &before.standing);
        for gone in had.iter().filter(|one| !person.standing.iter().any(|now| now.id == one.id)) {
            self.gone(&user, gone);
        }
        for one in &person.standing {
            let before = had.iter().find(|before| before.id == one.id);
            if before != Some(one) {
                self.stands(&user, before, one, at_head);
            }
        }
        let rows = kept::rows(&person.standing);
        if rows != kept::rows(had) {
            self.command(None, &["HSET", &user, "h", &rows]);
        }
        self.standing_until(&user, before, person);
    }

    /// A stream without messages, whose number is given for the first time.
    fn begin(&mut self, user: &str, person: &Person) {
        let (epoch, now) = (person.stream.epoch.to_string(), self.seen.now.0.to_string());
        let stream = self.keys.stream(&person.name);
        self.delete(&stream);
        let fields = ["HSET", user, "e", &epoch, "n", "0", "f", "0", "b", "0", "r", "x", "t", &now];
        self.command(None, &fields);
        self.command(None, &["LAST", &epoch]);
    }

    fn gone(&mut self, user: &str, one: &Standing) {
        let (partition, id) = (self.partition(), one.id.to_string());
        self.command(None, &["HDEL", user, &format!("c:{id}"), &format!("j:{id}")]);
        self.delete(&self.keys.session(one.id));
        self.unscore(&self.keys.live(partition), &id);
        self.unscore(&self.keys.parked(partition), &id);
        if let State::Live(node) = &one.state {
            self.leaves(node, one.id);
        }
    }

    fn leaves(&mut self, node: &NodeRef, session: SessionId) {
        let key = self.keys.node(self.partition(), &node.to_string());
        self.command(Some(&key), &["SREM", &key, &session.to_string()]);
    }

    fn stands(&mut self, user: &str, before: Option<&Standing>, one: &Standing, at_head: bool) {
        let (partition, id) = (self.partition(), one.id.to_string());
        let value = write(&kept::Session::from(one));
        self.command(None, &["HSET", user, &format!("c:{id}"), &value]);
        let forgotten = one.ends_at.after(self.terms.resume_window).after(MARGIN);
        let Some(name) = self.seen.look.user.clone() else { return };
        if before.is_none() {
            self.set(&self.keys.session(one.id), name.as_str(), forgotten);
            self.join(user, one, at_head);
        }
        let tokens = |one: &Standing| [Some(one.token), one.previous_token];
        let had = before.map(tokens).into_iter().flatten().flatten();
        let had: Vec<_> = had.collect();
        let has: Vec<_> = tokens(one).into_iter().flatten().collect();
        for new in has.iter().filter(|token| !had.contains(token)) {
            let value = write(&kept::Token::User(name.clone()));
            self.set(&self.keys.token(*new), &value, forgotten);
        }
        for void in had.iter().filter(|token| !has.contains(token)) {
            self.delete(&self.keys.token(*void));
        }
        if before.is_some_and(|before| before.state == one.state) {
            return;
        }
        if let Some(State::Live(node)) = before.map(|before| &before.state) {
            self.leaves(node, one.id);
        }
        let (live, parked) = (self.keys.live(partition), self.keys.parked(partition));
        match &one.state {
            State::Live(node) => {
                let at = self.keys.node(partition, &node.to_string());
                self.command(Some(&at), &["SADD", &at, &id]);
                self.score(&live, one.ends_at, &id);
                self.unscore(&parked, &id);
            }
            State::Parked { until, .. } => {
                self.score(&parked, *until, &id);
                self.unscore(&live, &id);
            }
        }
    }

    fn join(&mut self, user: &str, one: &Standing, at_head: bool) {
        let (place, Position { epoch, seq }) = (format!("j:{}", one.id), one.joined);
        if at_head {
            self.joins = true;
            self.command(None, &["JOIN", &place]);
        } else {
            self.command(None, &["HSET", user, &place, &format!("{epoch} {seq}")]);
        }
    }

    /// Until when one of the sessions stands, and the user is known.
    fn standing_until(&mut self, user: &str, before: Option<&Person>, person: &Person) {
        let stands = |one: &Standing| match &one.state {
            State::Live(_) => Timestamp(u64::MAX),
            State::Parked { until, .. } => *until,
        };
        let users = self.keys.users(self.partition());
        let until = person.standing.iter().map(stands).max();
        match until {
            Some(until) => self.score(&users, until, person.name.as_str()),
            None => self.unscore(&users, person.name.as_str()),
        }
        match person.vacant_since {
            Some(since) => self.command(None, &["HSET", user, "w", &since.0.to_string()]),
            None if before.is_some_and(|before| before.vacant_since.is_some()) => {
                self.command(None, &["HDEL", user, "w"]);
            }
            None => {}
        }
        let ends = person.standing.iter().map(|one| one.ends_at).max();
        let forgotten = match (ends, person.vacant_since) {
            (Some(ends), _) => ends.after(self.terms.resume_window).after(MARGIN),
            (None, since) => since.unwrap_or(self.seen.now).after(self.terms.stream.age),
        };
        let forgotten = self.bounded(forgotten);
        self.command(None, &["PEXPIREAT", user, &forgotten]);
    }
}

impl Seen {
    /// The nodes whose leases mattered.
    fn nodes(&self) -> BTreeSet<String> {
        let nodes = self.standing().filter_map(|one| match &one.state {
            State::Live(node) => Some(node.to_string()),
            State::Parked { .. } => None,
        });
        nodes.chain(self.look.leased.as_ref().map(|node| node.to_string())).collect()
    }
}
