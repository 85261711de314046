//! Ends.
//!
//! I11: once a kick or a block was answered with 2xx, the session gets nothing that is first sent
//! more than `served_ms` later, and does not come back; while a block stands nobody of that user
//! is let in. Blocks are part of what Redis has, and are gone with it.
//! I9, second half: nobody is ended without a cause. 4409 needs another session and a policy of one
//! place that yields, 4410 a kick, 4403 a block, 4202 a Redis that forgot or
//! a session that was elsewhere since, 4205 another socket of the session.

use super::{
    Breach,
    story::{Mark, Socket, Story, Welcome},
    voids::served,
};
use crate::log::Policy;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (mark, session) in &story.kicked {
        let Some(numbers) = story.sessions.get(session) else { continue };
        for number in numbers {
            let socket = &story.sockets[number];
            breaches.extend(served(story, "I11", socket, *mark));
            breaches.extend(super::places::heard(story, "I11", *number, *mark));
            breaches.extend(comes(story, socket, *mark, u64::MAX));
        }
    }
    for (mark, user) in &story.blocked {
        let lifted = story.unblocking.iter().find(|(until, whose)| whose == user && until > mark);
        let lifted = lifted.map_or(u64::MAX, |(until, _)| until.at);
        for socket in story.sockets.values().filter(|socket| socket.user == *user) {
            breaches.extend(comes(story, socket, *mark, lifted));
            let is_before = socket.dialed.at < mark.at;
            breaches.extend(is_before.then(|| served(story, "I11", socket, *mark)).flatten());
        }
    }
    for socket in story.sockets.values() {
        breaches.extend(without_cause(story, socket));
    }
    breaches
}

/// Whether somebody is let in between an end and when it is lifted.
fn comes(story: &Story, socket: &Socket, since: Mark, lifted: u64) -> Option<Breach> {
    let welcome = socket.welcome.as_ref()?;
    let is_in = socket.dialed > since && welcome.mark.at < lifted;
    let forgot = story
        .troubles_in(since.at, welcome.mark.at)
        .any(|one| one.fault.forgets(story.terms.shape));
    let what = format!("{} came in spite of a kick or a block", socket.by);
    (is_in && !forgot).then(|| Breach::new("I11", what, &[since, socket.dialed, welcome.mark]))
}

/// Whether a session was welcomed on another socket in this time.
fn moved(story: &Story, since: &Welcome, until: Mark) -> bool {
    let sockets = story.sessions[&since.session].iter().map(|number| &story.sockets[number]);
    let mut welcomes = sockets.filter_map(|socket| socket.welcome.as_ref());
    welcomes.any(|one| one.mark > since.mark && one.mark < until)
}

fn without_cause(story: &Story, socket: &Socket) -> Option<Breach> {
    let (welcome, end) = (socket.welcome.as_ref()?, socket.end?);
    let code = end.code?;
    let before = |mark: Mark| mark < end.mark;
    let has_cause = match code {
        4409 => {
            // Who keeps the place keeps it, unless their node was taken for lost.
            let from = end.mark.at.saturating_sub(story.terms.lease * 2);
            let troubled = story.troubles_in(from, end.mark.at).next().is_some();
            let policy = story.tickets.values().any(|(_, user, policy, _)| {
                let yields = match policy {
                    Policy::Multi => false,
                    Policy::Single => true,
                    Policy::Reject => troubled,
                };
                *user == socket.user && yields
            });
            let is_other = |other: &Socket| {
                let ours = other.welcome.as_ref().is_some_and(|w| w.session == welcome.session);
                other.user == socket.user && !ours && before(other.dialed)
            };
            policy && story.sockets.values().any(is_other)
        }
        4410 => story.kicking.iter().any(|(mark, id)| *id == welcome.session && before(*mark)),
        4403 => story.blocking.iter().any(|(mark, user)| *user == socket.user && before(*mark)),
        // Its session was elsewhere, and may have ended there since.
        4202 if moved(story, welcome, end.mark) => true,
        4202..=4204 => story
            .troubles
            .iter()
            .any(|one| one.fault.forgets(story.terms.shape) && before(one.begins)),
        4205 => story.sockets.values().any(|other| {
            let is_other = other.dialed != socket.dialed && other.token.is_some();
            is_other && other.user == socket.user && before(other.dialed)
        }),
        4200 | 4201 | 4400..=4499 => false,
        _ => true,
    };
    let what = format!("{} was ended with {code} for nothing", welcome.session);
    (!has_cause).then(|| Breach::new("I9", what, &[welcome.mark, end.mark]))
}
