//! Nodes.
//!
//! I12: a node that was told to go away exits with 0 within its delay and window and 5 s. From a
//! second after its delay on nobody is let in, whoever it closes with 4000 was told `closing` with
//! a time first, and a second after its exit none of its sessions is listed there.
//! I13: after a node was killed, and nothing else happens, each of its sessions that comes back is
//! back within 10 s and what the rate of resumes makes of their number. No node takes more resumes
//! in a second than it may, with as many again for what had been saved up.
//! I16: while a node cannot reach its engine, it accepts nothing and lets nobody in.
//! I17: no node panics, and none ends by itself.

use super::{
    ALLOWANCE, Breach,
    story::{Item, Mark, Socket, Story, Trouble, Turn, Welcome},
};
use crate::{fault::Fault, log::Fate};

/// What is on its way when a fault begins.
const UNDER_WAY: u64 = 100;

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (mark, line) in &story.cries {
        breaches.push(Breach::new("I17", format!("a node panicked: {line}"), &[*mark]));
    }
    for (at, (mark, node, turn)) in story.turns.iter().enumerate() {
        match turn {
            Turn::Exited { code, ours: false } => {
                let what = format!("{node} ended by itself, with {code:?}");
                breaches.push(Breach::new("I17", what, &[*mark]));
            }
            Turn::Told => breaches.extend(drain(story, at, *mark, node)),
            Turn::Started | Turn::Ready | Turn::Exited { .. } => {}
        }
    }
    for trouble in &story.troubles {
        if trouble.fault.cuts_off(story.terms.shape) {
            breaches.extend(fails_closed(story, trouble));
        }
        if matches!(trouble.fault, Fault::NodeKilled | Fault::NodeLost) {
            breaches.extend(comes_back(story, trouble));
        }
    }
    breaches.extend(storms(story));
    breaches
}

fn drain(story: &Story, at: usize, told: Mark, node: &str) -> Vec<Breach> {
    let next = story.turns[at + 1..].iter().find(|(_, whose, _)| whose == node);
    let Some((exited, _, Turn::Exited { code, .. })) = next else {
        // The run ended before.
        return Vec::new();
    };
    let mut breaches = Vec::new();
    let mut tell = |what: String, marks: &[Mark]| breaches.push(Breach::new("I12", what, marks));
    if story.exceeds(told.at, exited.at, story.terms.drain + 5_000 + ALLOWANCE) || *code != Some(0)
    {
        tell(format!("{node} went away with {code:?}, or too late"), &[told, *exited]);
    }
    let gone = exited.at;
    let refuses = told.at + 2_000 + ALLOWANCE;
    for socket in story.sockets.values() {
        let Some(welcome) = socket.welcome.as_ref().filter(|one| one.node == node) else {
            continue;
        };
        if socket.dialed.at > refuses && welcome.mark.at < gone {
            tell(
                format!("{node} lets in while it goes away"),
                &[told, socket.dialed, welcome.mark],
            );
        }
        let Some(end) = socket.end.filter(|end| (told.at..=gone).contains(&end.mark.at)) else {
            continue;
        };
        let is_told = socket
            .items
            .iter()
            .any(|(_, item)| matches!(item, Item::Closing { code: 4000, retry_ms: Some(_) }));
        if end.code == Some(4000) && !is_told && welcome.mark.at < told.at {
            tell(format!("{} was sent away without a word", socket.by), &[told, end.mark]);
        }
    }
    for list in story.lists.iter().filter(|list| story.exceeds(gone, list.asked, 1_000 + ALLOWANCE))
    {
        for one in list.sessions.iter().filter(|one| one.live && one.node == node) {
            let last = story.sessions.get(&one.session).and_then(|numbers| {
                numbers
                    .iter()
                    .filter_map(|number| story.sockets[number].welcome.as_ref())
                    .max_by_key(|w| w.mark)
            });
            if last.is_some_and(|welcome| welcome.mark.at < told.at && welcome.node == node) {
                tell(
                    format!("{} is still listed at {node}, which is gone", one.session),
                    &[*exited, list.mark],
                );
                return breaches;
            }
        }
    }
    breaches
}

fn fails_closed(story: &Story, trouble: &Trouble) -> Vec<Breach> {
    let Trouble { node, holds, mends, begins, .. } = trouble;
    if *mends == u64::MAX {
        return Vec::new();
    }
    let is_cut_off = |name: &str| node.as_deref().is_none_or(|node| node == name);
    let mut breaches = Vec::new();
    for sent in story.messages.values() {
        for one in
            sent.tries.iter().filter(|one| one.fate == Fate::Accepted && one.socket.is_none())
        {
            let ended = one.ended.unwrap_or_default();
            if is_cut_off(&one.node) && one.began.at > holds + UNDER_WAY && ended.at <= *mends {
                let what = format!("{} accepted something without its engine", one.node);
                breaches.push(Breach::new("I16", what, &[*begins, one.began, ended]));
            }
        }
    }
    for socket in story.sockets.values() {
        let Some(Welcome { mark, node, .. }) = &socket.welcome else { continue };
        if is_cut_off(node) && socket.dialed.at > holds + UNDER_WAY && mark.at <= *mends {
            let what = format!("{node} let somebody in without its engine");
            breaches.push(Breach::new("I16", what, &[*begins, socket.dialed, *mark]));
        }
    }
    breaches
}

fn comes_back(story: &Story, trouble: &Trouble) -> Vec<Breach> {
    let killed = trouble.begins.at;
    let was_there = |socket: &&Socket| {
        let is_its =
            socket.welcome.as_ref().is_some_and(|w| Some(&w.node) == trouble.node.as_ref());
        is_its && socket.is_open(killed) && socket.trespass.is_none()
    };
    let all: Vec<&Socket> = story.sockets.values().filter(was_there).collect();
    let bound =
        10_000 + all.len() as u64 * 1_000 / story.terms.resumes_per_second.max(1) + ALLOWANCE;
    let mut breaches = Vec::new();
    for socket in all {
        let others = story.troubles_in(killed, killed + bound).count() > 1;
        // Who does not try to come back with its token was let go of, or lets go.
        let next = story.sockets.values().find(|next| {
            next.by == socket.by && next.dialed.at > killed && next.trespass.is_none()
        });
        let Some(next) = next.filter(|next| next.token.is_some() && !others) else { continue };
        let back = story.sockets.values().find(|back| {
            back.by == socket.by && back.welcome.is_some() && back.dialed >= next.dialed
        });
        let back = back.and_then(|back| back.welcome.as_ref()).map_or(story.ends_at, |w| w.mark.at);
        if story.exceeds(killed, back, bound) {
            let what =
                format!("{} was away for {} ms after its node died", socket.by, back - killed);
            breaches.push(Breach::new("I13", what, &[trouble.begins, socket.dialed, next.dialed]));
        }
    }
    breaches
}

fn storms(story: &Story) -> Vec<Breach> {
    let most = usize::try_from(story.terms.resumes_per_second * 2).unwrap_or(usize::MAX);
    let mut breaches = Vec::new();
    let mut by_node: std::collections::BTreeMap<&str, Vec<Mark>> =
        std::collections::BTreeMap::new();
    for welcome in story.sockets.values().filter_map(|socket| socket.welcome.as_ref()) {
        if welcome.resumed {
            by_node.entry(&welcome.node).or_default().push(welcome.mark);
        }
    }
    for (node, mut marks) in by_node {
        marks.sort_unstable();
        let crowd = marks.windows(most + 1).find(|some| some[most].at - some[0].at < 1_000);
        if let Some(some) = crowd {
            let what = format!("{node} took more than {most} resumes in a second");
            breaches.push(Breach::new("I13", what, &[some[0], some[most]]));
        }
    }
    breaches
}
