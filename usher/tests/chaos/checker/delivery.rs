//! Delivery.
//!
//! I4: of the messages that were accepted for a user and first sent after a session of theirs was
//! welcomed, or that lie behind the place of its first `welcome`, the session has all up to the
//! furthest place that it reached, or a gap covers what it has not. If it is there when the run is over, it has all. A
//! gap has a cause: Redis came back, so that its past is in doubt; nothing else happens to the few
//! messages of a run before their sessions are back.
//! I5: whatever comes was sent, is the same byte for byte, and is for that user; an echo is of a
//! visitor of that user.
//! I6: on a socket positions only grow, from where it came back to; one place of a user's stream
//! is one message for everybody.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::position::Position;

use super::{
    Breach,
    story::{Item, Mark, Sent, Socket, Story},
};
use crate::{log::Name, speech::OLD};

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = strangers(story);
    breaches.extend(order(story));
    breaches.extend(places(story));
    breaches.extend(gaps(story));
    let mut by_user: BTreeMap<&str, Vec<(&Name, &Sent)>> = BTreeMap::new();
    for (name, sent) in &story.messages {
        by_user.entry(&sent.to).or_default().push((name, sent));
    }
    for (session, sockets) in &story.sessions {
        let user = story.sockets[&sockets[0]].user.as_str();
        let sent = by_user.get(user).map_or(&[][..], Vec::as_slice);
        breaches.extend(losses(story, session, sockets, sent));
    }
    breaches
}

/// What a session has, over all of its sockets.
#[derive(Default)]
struct Got<'a> {
    names: HashSet<&'a Name>,
    gaps: Vec<(Position, Position)>,
    reached: Option<(Position, Mark)>,
}

impl<'a> Got<'a> {
    fn of(sockets: impl Iterator<Item = &'a Socket>) -> Self {
        let mut got = Self::default();
        for (mark, item) in sockets.flat_map(|socket| &socket.items) {
            let until = match item {
                Item::Message { name, position, .. } => {
                    got.names.insert(name);
                    *position
                }
                Item::Gap { after, until, .. } => {
                    got.gaps.push((*after, *until));
                    Some(*until)
                }
                Item::CaughtUp(position) => Some(*position),
                Item::Closing { .. } => None,
            };
            if let Some(until) = until
                && got.reached.is_none_or(|(reached, _)| reached < until)
            {
                got.reached = Some((until, *mark));
            }
        }
        got
    }

    fn has(&self, name: &Name, position: Position) -> bool {
        let covered =
            self.gaps.iter().any(|(after, until)| *after < position && position <= *until);
        covered || self.names.contains(name)
    }
}

fn losses(
    story: &Story,
    session: &str,
    sockets: &[u64],
    sent: &[(&Name, &Sent)],
) -> Option<Breach> {
    let all = || sockets.iter().map(|number| &story.sockets[number]);
    let first = all().next()?;
    let welcomed = first.welcome.as_ref()?.mark;
    // Where it begins; a message may have its place from a try whose answer was lost.
    let after = first.welcome.as_ref()?.position;
    let got = Got::of(all());
    let last = all().next_back()?;
    let stays = story.over.is_some_and(|over| last.is_open(over.at));
    for (name, sent) in sent {
        for one in sent.accepted() {
            let (Some(position), true) = (one.position, one.matched > 0) else { continue };
            let is_due = sent.began().at > welcomed.at || position > after;
            let passed = got.reached.is_some_and(|(reached, _)| position <= reached);
            let in_time = story.over.is_some_and(|over| one.began.at < over.at);
            if is_due && (passed || (stays && in_time)) && !got.has(name, position) {
                let reached = got.reached.map_or(welcomed, |(_, mark)| mark);
                let ended = one.ended.unwrap_or_default();
                let what = format!(
                    "{session} of {} lacks {} {} at {position}, which was accepted",
                    first.user, name.by, name.n
                );
                return Some(Breach::new("I4", what, &[welcomed, one.began, ended, reached]));
            }
        }
    }
    None
}

fn gaps(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for socket in story.sockets.values() {
        for (mark, item) in &socket.items {
            let Item::Gap { after, until, reason } = item else { continue };
            let doubted = story
                .troubles
                .iter()
                .any(|one| one.fault.doubts(story.terms.shape) && one.begins.at <= mark.at);
            if !doubted || reason != "epoch" {
                let what =
                    format!("{} is told of a gap ({reason}) from {after} to {until}", socket.user);
                breaches.push(Breach::new("I4", what, &[socket.dialed, *mark]));
            }
        }
    }
    breaches
}

fn strangers(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (mark, _) in &story.strange {
        breaches.push(Breach::new("I5", "something came that nobody sent".to_owned(), &[*mark]));
    }
    let users: HashMap<&str, &str> = story
        .sockets
        .values()
        .filter(|socket| socket.trespass.is_none())
        .map(|socket| (socket.by.as_str(), socket.user.as_str()))
        .collect();
    for socket in story.sockets.values() {
        for (mark, item) in &socket.items {
            let Item::Message { name, to, digest, echo, .. } = item else { continue };
            let marks = [socket.dialed, *mark];
            let mut tell = |what| breaches.push(Breach::new("I5", what, &marks));
            match story.messages.get(name) {
                None => tell(format!("{} {} came, which nobody sent", name.by, name.n)),
                Some(sent) if sent.digest != *digest || sent.to != *to => {
                    tell(format!("{} {} is not what was sent", name.by, name.n));
                }
                Some(_) => {}
            }
            let is_theirs = match echo {
                false => *to == socket.user,
                true => {
                    let by = name.by.split(OLD).next().unwrap_or_default();
                    users.get(by) == Some(&socket.user.as_str())
                }
            };
            if !is_theirs {
                tell(format!("{} got what is for {to}", socket.user));
            }
        }
    }
    breaches
}

fn order(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for socket in story.sockets.values() {
        let Some(welcome) = &socket.welcome else { continue };
        let (mut last, mut before) = (welcome.position, welcome.mark);
        for (mark, item) in &socket.items {
            let next = match item {
                Item::Message { position: Some(position), .. } => *position,
                Item::Gap { until, .. } => *until,
                _ => continue,
            };
            let goes_on = match item {
                Item::Gap { .. } => next >= last,
                _ => next > last,
            };
            if !goes_on {
                let what = format!("{next} came after {last}");
                breaches.push(Breach::new("I6", what, &[socket.dialed, before, *mark]));
                break;
            }
            (last, before) = (next, *mark);
        }
    }
    breaches
}

fn places(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut known: HashMap<(&str, Position), (&str, Mark)> = HashMap::new();
    let mut see = |user, position, id, mark| {
        let (first, seen) = *known.entry((user, position)).or_insert((id, mark));
        if first != id {
            let what = format!("{position} of {user} is {first} and {id}");
            breaches.push(Breach::new("I6", what, &[seen, mark]));
        }
    };
    for sent in story.messages.values() {
        for one in sent.accepted() {
            if let (Some(position), Some(id), Some(ended)) = (one.position, &one.id, one.ended) {
                see(&sent.to, position, id, ended);
            }
        }
    }
    for socket in story.sockets.values() {
        for (mark, item) in &socket.items {
            if let Item::Message { id, position: Some(position), .. } = item {
                see(&socket.user, *position, id, *mark);
            }
        }
    }
    breaches
}
