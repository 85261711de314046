//! Places of users who have one.
//!
//! I3a: no list of the registry has more than one session of such a user.
//! I3b: a session is not served once another was welcomed in its place: no message comes that was
//! first sent more than `served_ms` after that, and none is accepted from it.
//! I3c: where who is there keeps the place, nobody is replaced, and nobody is kept out by a session
//! whose socket is gone for longer than a lease, a probe's answer (5 s) and a second.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ALLOWANCE, Breach, served_ms,
    story::{Item, Mark, Socket, Story},
};
use crate::log::{Fate, Policy};

/// How long the answer to a probe is shared.
const PROBED: u64 = 5_000;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut policies: BTreeMap<&str, Policy> = BTreeMap::new();
    for (_, user, policy, _) in story.tickets.values() {
        if *policy != Policy::Multi {
            policies.insert(user, *policy);
        }
    }
    let mut breaches = lists(story, &policies);
    for (user, policy) in policies {
        let sockets: Vec<&Socket> =
            story.sockets.values().filter(|socket| socket.user == user).collect();
        for new in &sockets {
            let Some(welcome) = new.welcome.as_ref().filter(|welcome| !welcome.resumed) else {
                continue;
            };
            for old in &sockets {
                let theirs = old.welcome.as_ref();
                let is_older = theirs.is_some_and(|theirs| {
                    theirs.session != welcome.session && theirs.mark.at < new.dialed.at
                });
                if is_older {
                    breaches.extend(overlap(story, old, welcome.mark));
                }
            }
        }
        if policy == Policy::Reject {
            breaches.extend(kept(story, &sockets));
        }
    }
    breaches
}

fn lists(story: &Story, policies: &BTreeMap<&str, Policy>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for list in &story.lists {
        let mut seen = BTreeSet::new();
        for one in &list.sessions {
            if policies.contains_key(one.user.as_str()) && !seen.insert(&one.user) {
                let what = format!("{} has two places in the registry", one.user);
                breaches.push(Breach::new("I3a", what, &[list.mark]));
            }
        }
    }
    breaches
}

/// Whether an older session is served after a newer one was welcomed.
fn overlap(story: &Story, old: &Socket, since: Mark) -> Option<Breach> {
    for (mark, item) in &old.items {
        let Item::Message { name, echo: false, .. } = item else { continue };
        let Some(sent) = story.messages.get(name) else { continue };
        let began = sent.began();
        if began.at > since.at
            && story.exceeds(since.at, began.at, served_ms(story, since.at, mark.at))
        {
            let what = format!("{} is served beside the session that has its place", old.user);
            return Some(Breach::new("I3b", what, &[old.dialed, since, began, *mark]));
        }
    }
    None
}

fn kept(story: &Story, sockets: &[&Socket]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for socket in sockets {
        let Some(end) = socket.end else { continue };
        // Who was parked, or on a node that was taken for lost, keeps no place.
        let from = end.mark.at.saturating_sub(story.terms.lease * 2);
        let troubled = story.troubles_in(from, end.mark.at).next().is_some();
        if end.code == Some(4409) && socket.welcome.is_some() && !troubled {
            let what = format!("{} was replaced, and keeps its place", socket.user);
            breaches.push(Breach::new("I3c", what, &[socket.dialed, end.mark]));
        }
        if end.code == Some(4423) {
            let bound = story.terms.lease + 1_000 + PROBED + ALLOWANCE;
            let from = socket.dialed.at.saturating_sub(
                bound + story.withheld(socket.dialed.at.saturating_sub(bound), end.mark.at),
            );
            // Who was let in and never heard of it counts from its first byte to its last.
            let is_there = sockets.iter().any(|other| {
                let is_other = other.end.and_then(|end| end.code) != Some(4423);
                is_other
                    && other.dialed.at <= end.mark.at
                    && other.end.is_none_or(|gone| gone.mark.at >= from)
            });
            let troubled = story.troubles_in(from, end.mark.at).next().is_some();
            if !is_there && !troubled {
                let what = format!("{} is kept out by nobody", socket.user);
                breaches.push(Breach::new("I3c", what, &[socket.dialed, end.mark]));
            }
        }
    }
    breaches
}

/// Messages that were accepted of a session after it lost its place at `since`.
pub(super) fn heard(story: &Story, of: &'static str, number: u64, since: Mark) -> Option<Breach> {
    for sent in story.messages.values() {
        for one in &sent.tries {
            if one.socket != Some(number) || one.fate != Fate::Accepted || one.began.at <= since.at
            {
                continue;
            }
            let bound = served_ms(story, since.at, one.began.at);
            if story.exceeds(since.at, one.began.at, bound) {
                let what = "a session that lost its place was heard".to_owned();
                let ended = one.ended.unwrap_or_default();
                return Some(Breach::new(of, what, &[since, one.began, ended]));
            }
        }
    }
    None
}
