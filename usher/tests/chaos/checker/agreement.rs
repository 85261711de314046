//! Agreement of registry and sockets.
//!
//! I9: once no fault was there for 10 s (and 1 s for each 20,000 sessions), each list of the
//! registry is what visitors have: a session whose socket has been open for a while is listed as
//! live at its node, one that is listed as live has a socket, and one whose socket is gone for a
//! window and the longest that this goes unnoticed is not listed at all.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    ALLOWANCE, Breach,
    story::{List, Mark, Story},
};

/// Until all agree, in milliseconds, and for how many sessions it takes a second more.
const AGREE: u64 = 10_000;
const SESSIONS_PER_SECOND: u64 = 20_000;

/// What may be under way while a list is made.
const SLACK: u64 = 2_000;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut unknown: HashMap<&str, Mark> = HashMap::new();
    for list in &story.lists {
        if is_quiet(story, list) {
            breaches.extend(missing(story, list));
            breaches.extend(ghosts(story, list, &mut unknown));
        }
    }
    // One of each kind tells it.
    let mut told = HashSet::new();
    breaches.retain(|breach| told.insert(breach.what.clone()));
    breaches
}

fn is_quiet(story: &Story, list: &List) -> bool {
    let bound = AGREE + list.sessions.len() as u64 * 1_000 / SESSIONS_PER_SECOND + ALLOWANCE;
    let from = list.asked.saturating_sub(bound);
    let late = story.withheld(from, list.mark.at);
    let started = story.turns.first().is_some_and(|(mark, ..)| mark.at < from);
    started && story.troubles_in(from.saturating_sub(late), list.mark.at).next().is_none()
}

fn missing(story: &Story, list: &List) -> Vec<Breach> {
    let late = story.withheld(list.asked.saturating_sub(SLACK), list.mark.at + SLACK);
    let (from, to) = (list.asked.saturating_sub(SLACK + late), list.mark.at + SLACK + late);
    let listed: BTreeMap<&str, (&str, bool)> = list
        .sessions
        .iter()
        .map(|one| (one.session.as_str(), (one.node.as_str(), one.live)))
        .collect();
    let mut breaches = Vec::new();
    for (session, numbers) in &story.sessions {
        let before =
            |number: &&u64| story.sockets[number].welcome.as_ref().is_some_and(|w| w.mark.at <= to);
        let Some(last) = numbers.iter().rfind(before) else { continue };
        let socket = &story.sockets[last];
        let Some(welcome) = &socket.welcome else { continue };
        let is_over = story.ends_at < to;
        if is_over || !socket.is_open(from) || !socket.is_open(to) {
            continue;
        }
        // Who reads nothing does not see that its socket was given up.
        let dozes = story.dozes.iter().any(|(number, begins, ends)| {
            number == last && *begins <= to && ends + ALLOWANCE >= from
        });
        // Somebody may be coming back already.
        let coming = story.sockets.values().any(|other| {
            other.user == socket.user && other.dialed.at <= to && other.dialed.at >= from
        });
        let found = listed.get(session.as_str());
        if !coming && !dozes && found != Some(&(welcome.node.as_str(), true)) {
            let what =
                format!("{session} has a socket at {}, and is listed as {found:?}", welcome.node);
            breaches.push(Breach::new("I9", what, &[welcome.mark, list.mark]));
        }
    }
    breaches
}

fn ghosts<'a>(
    story: &'a Story,
    list: &'a List,
    unknown: &mut HashMap<&'a str, Mark>,
) -> Vec<Breach> {
    let terms = story.terms;
    let late = story.withheld(list.asked.saturating_sub(SLACK), list.mark.at);
    let noticed = terms.lease.max(terms.ping + terms.pong);
    let mut breaches = Vec::new();
    for one in &list.sessions {
        let Some(numbers) = story.sessions.get(&one.session) else {
            // Whoever was let in never heard of it; its node notices when the socket ends.
            let first = *unknown.entry(&one.session).or_insert(list.mark);
            let bound = noticed + ALLOWANCE + if one.live { AGREE } else { terms.window + 5_000 };
            if story.exceeds(first.at, list.asked, bound) {
                let what = format!("{} is listed, and nobody knows it", one.session);
                breaches.push(Breach::new("I9", what, &[first, list.mark]));
            }
            continue;
        };
        let gone = numbers.iter().map(|number| {
            story.sockets[number].end.map_or(Mark { at: u64::MAX, line: 0 }, |end| end.mark)
        });
        // Where Redis forgot that it ended it is there again, and is parked then.
        let forgot = story
            .troubles
            .iter()
            .filter(|one| one.fault.forgets(story.terms.shape) && one.over != u64::MAX);
        let again = forgot.map(|one| Mark { at: one.over + AGREE, line: one.begins.line });
        let again = again.filter(|again| again.at < list.asked).max();
        let Some(gone) = gone.chain(again).max() else { continue };
        let bound = if one.live { SLACK } else { noticed + terms.window + 5_000 + ALLOWANCE };
        // Somebody may have been let in again, and not have heard of it.
        let user = &one.user;
        let tried = story.sockets.values().any(|other| {
            let until = other.end.map_or(u64::MAX, |end| end.mark.at);
            other.user == *user
                && other.token.is_some()
                && until > gone.at
                && until.saturating_add(bound + noticed) > list.asked
                && other.dialed.at <= list.mark.at
        });
        if gone.at < list.asked && list.asked - gone.at > bound + late && !tried {
            let state = if one.live { "live" } else { "parked" };
            let what = format!("{} is a ghost, listed as {state}", one.session);
            breaches.push(Breach::new("I9", what, &[gone, list.mark]));
        }
    }
    breaches
}
