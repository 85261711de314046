//! Liveness.
//!
//! I19: 30 s after all faults are over, each visitor that tries has a session, keeps it until the
//! run is over, and has the last message to its user, which every publisher got accepted. While one
//! of several servers is lost, users of the others are sent to.

use super::{
    ALLOWANCE, Breach,
    story::{Item, Mark, Socket, Story, Trouble, Try},
};
use crate::{fault::Fault, payload::LAST, shape::Shape};

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
    let lost = story.troubles.iter().filter(|one| one.fault == Fault::RedisLost);
    breaches.extend(lost.filter_map(|one| stands_still(story, one)));
    breaches
}

/// Whether nothing is accepted while one of several servers is lost.
fn stands_still(story: &Story, trouble: &Trouble) -> Option<Breach> {
    let is_whole = trouble.mends != u64::MAX;
    let within = |one: &Try| {
        let ended = one.ended.map_or(u64::MAX, |mark| mark.at);
        one.began.at > trouble.holds && ended < trouble.mends
    };
    let goes_on = story.messages.values().any(|sent| sent.accepted().any(within));
    let what = "nothing is accepted while one of several servers is lost".to_owned();
    let stands = is_whole && story.terms.shape == Shape::Servers && !goes_on;
    stands.then(|| Breach::new("I19", what, &[trouble.begins]))
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
