//! Resumes.
//!
//! I8: whoever comes back with a token is the session that the token was given to, from the place
//! that it said. Nobody is let in with a token that was replaced by a later one, once its node
//! heard of that. And a resume works: one with the last token of a session that nobody ended,
//! within its window, is not refused for good.

use std::collections::HashMap;

use super::{
    ALLOWANCE, Breach,
    story::{Mark, Socket, Story, Welcome},
};

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut given: HashMap<&str, &Welcome> = HashMap::new();
    for socket in story.sockets.values() {
        if let Some(welcome) = &socket.welcome {
            given.entry(&welcome.token).or_insert(welcome);
        }
    }
    let mut breaches = Vec::new();
    for socket in story.sockets.values() {
        let Some(token) = &socket.token else { continue };
        let Some(from) = given.get(token.as_str()) else { continue };
        match &socket.welcome {
            Some(welcome) => breaches.extend(welcomed(story, socket, from, welcome)),
            None => breaches.extend(refused(story, socket, from)),
        }
    }
    breaches
}

fn welcomed(story: &Story, socket: &Socket, from: &Welcome, welcome: &Welcome) -> Option<Breach> {
    let marks = [from.mark, socket.dialed, welcome.mark];
    let told = |of, what: String| Some(Breach::new(of, what, &marks));
    let forgot = story
        .troubles_in(from.mark.at, welcome.mark.at)
        .any(|one| one.fault.forgets(story.terms.shape));
    match socket.trespass.as_deref().filter(|_| !forgot) {
        Some("superseded") => return told("I8", "an old token was good once more".to_owned()),
        Some("ended") => return told("I11", "a session came back that was ended".to_owned()),
        _ => {}
    }
    if welcome.session != from.session || welcome.user != from.user || !welcome.resumed {
        let what = format!("a token of {} opened {}", from.session, welcome.session);
        return told("I8", what);
    }
    if socket.after.is_some_and(|after| after != welcome.position) {
        return told("I8", format!("{} did not go on from where it was", from.session));
    }
    None
}

/// Whether a session was refused that nothing speaks against.
fn refused(story: &Story, socket: &Socket, from: &Welcome) -> Option<Breach> {
    let end = socket.end?;
    if end.code != Some(4202) || socket.trespass.is_some() {
        return None;
    }
    let numbers = story.sessions.get(&from.session)?;
    let sockets: Vec<&Socket> = numbers.iter().map(|number| &story.sockets[number]).collect();
    let last = sockets.iter().filter_map(|one| one.welcome.as_ref()).map(|one| one.mark).max()?;
    if last != from.mark {
        return None;
    }
    // From its last sign of life on.
    let seen = sockets.iter().map(|one| one.end.map_or(u64::MAX, |end| end.mark.at)).max()?;
    let is_late = end.mark.at > seen.saturating_add(story.terms.window - ALLOWANCE);
    let forgot = story.troubles.iter().any(|one| {
        one.fault.forgets(story.terms.shape)
            && one.begins.at <= end.mark.at
            && one.over >= from.mark.at
    });
    let is_left = sockets.iter().any(|one| {
        let code = one.end.and_then(|end| end.code);
        matches!(code, Some(1000..=1015 | 4200..=4999)) && code != Some(1001)
    });
    let tried: Vec<Mark> = vec![from.mark, socket.dialed, end.mark];
    let what = format!("{} was refused in its window", from.session);
    (!is_late && !forgot && !is_left).then(|| Breach::new("I8", what, &tried))
}
