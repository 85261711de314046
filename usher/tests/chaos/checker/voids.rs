//! Sockets whose session is elsewhere.
//!
//! I10: once a session was welcomed on another socket, the old one is void: what is first sent
//! more than `served_ms` later does not come on it, and nothing that it says after that is
//! accepted. When its node stood still meanwhile, the old socket is closed within a second of its
//! waking.

use super::{
    ALLOWANCE, Breach, places, served_ms,
    story::{Item, Mark, Socket, Story},
};
use crate::fault::Fault;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for numbers in story.sessions.values() {
        for pair in numbers.windows(2) {
            let (old, new) = (&story.sockets[&pair[0]], &story.sockets[&pair[1]]);
            let Some(welcome) = &new.welcome else { continue };
            breaches.extend(served(story, "I10", old, welcome.mark));
            breaches.extend(places::heard(story, "I10", pair[0], welcome.mark));
            breaches.extend(lingers(story, old, welcome.mark));
        }
    }
    breaches
}

/// Whether a socket gets what was first sent long after `since`.
pub(super) fn served(
    story: &Story,
    of: &'static str,
    socket: &Socket,
    since: Mark,
) -> Option<Breach> {
    for (mark, item) in &socket.items {
        let Item::Message { name, .. } = item else { continue };
        let Some(began) = story.messages.get(name).map(|sent| sent.began()) else { continue };
        if story.exceeds(since.at, began.at, served_ms(story, since.at, mark.at)) {
            let what = format!("{} is served where it is no more", socket.by);
            return Some(Breach::new(of, what, &[socket.dialed, since, began, *mark]));
        }
    }
    None
}

fn lingers(story: &Story, old: &Socket, since: Mark) -> Option<Breach> {
    let node = &old.welcome.as_ref()?.node;
    let stood = story.troubles.iter().find(|one| {
        matches!(one.fault, Fault::NodeFrozen | Fault::NodePaused)
            && one.node.as_ref() == Some(node)
            && (one.begins.at..one.over).contains(&since.at)
    });
    let woke = stood?.over;
    let gone = old.end.map_or(story.ends_at, |end| end.mark.at);
    let what = format!("{} still has its old socket", old.by);
    story
        .exceeds(woke, gone, 1_000 + ALLOWANCE)
        .then(|| Breach::new("I10", what, &[old.dialed, since]))
}
