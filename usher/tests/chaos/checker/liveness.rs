//! Liveness.
//!
//! I19: 30 s after all faults are over, each visitor that tries has a session, keeps it until the
//! run is over, and has the last message to its user, which every publisher got accepted.

use super::{
    ALLOWANCE, Breach,
    story::{Item, Mark, Socket, Story},
};
use crate::payload::LAST;

/// How long it may take.
const BACK: u64 = 30_000;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let (Some(healed), Some(over)) = (story.healed, story.over) else {
        return vec![Breach::new("I19", "the run did not come to its end".to_owned(), &[])];
    };
    let mut breaches = Vec::new();
    for (mark, by, user) in &story.trying {
        let theirs = || story.sockets.values().filter(|socket| socket.by == *by);
        let open = theirs().find(|socket| socket.is_open(over.at));
        let Some((socket, welcome)) = open.and_then(|one| Some((one, one.welcome.as_ref()?)))
        else {
            let last = theirs().next_back().map_or(*mark, |last| last.dialed);
            let what = format!("{by} does not get in");
            breaches.push(Breach::new("I19", what, &[healed, last, over]));
            continue;
        };
        if story.exceeds(healed.at, welcome.mark.at, BACK + ALLOWANCE) {
            let what = format!("{by} gets in too late");
            breaches.push(Breach::new("I19", what, &[healed, welcome.mark]));
        }
        breaches.extend(lacks(story, user, socket, welcome.mark));
    }
    for (name, sent) in story.messages.iter().filter(|(name, _)| name.n >= LAST) {
        if sent.accepted().next().is_none() {
            let what = format!("{} cannot send to {}", name.by, sent.to);
            breaches.push(Breach::new("I19", what, &[healed, sent.began(), over]));
        }
    }
    breaches
}

fn lacks(story: &Story, user: &str, socket: &Socket, welcomed: Mark) -> Option<Breach> {
    let last = story.messages.iter().filter(|(name, sent)| name.n >= LAST && sent.to == user);
    for (name, sent) in last {
        let Some(one) = sent.accepted().next() else { continue };
        let has = socket
            .items
            .iter()
            .any(|(_, item)| matches!(item, Item::Message { name: theirs, .. } if theirs == name));
        if one.began > welcomed && !has {
            let what = format!("{} lacks the last message of {}", socket.by, name.by);
            let ended = one.ended.unwrap_or_default();
            return Some(Breach::new("I19", what, &[welcomed, one.began, ended]));
        }
    }
    None
}
