//! Tale: a log as lines of words.

use protocol::position::Position;

use crate::{
    checker::judge,
    log::{Entry, Fate, Listed, Name, Phase, Policy, What},
    payload::LAST,
    shape::Shape,
};

/// Nothing is to be blamed.
pub(super) fn fine(text: &str) {
    let found = found(text);
    assert!(found.is_empty(), "{found:?} in{text}");
}

/// This is to be blamed, whatever else is.
pub(super) fn blames(of: &str, text: &str) {
    let found = found(text);
    assert!(found.iter().any(|(one, _)| *one == of), "{of} is not in {found:?}, of{text}");
}

fn found(text: &str) -> Vec<(&'static str, String)> {
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words[0].parse().unwrap_or_else(|_| panic!("{line}"));
        let mut what = what(&words[1..]).unwrap_or_else(|| panic!("{line}"));
        if let What::Registry { asked, .. } = &mut what {
            *asked = at;
        }
        entries.push(Entry { at, what });
    }
    // Whether a run came to its end is told only where that matters.
    let is_whole = entries.iter().any(|entry| matches!(entry.what, What::Over));
    let breaches = judge(&entries).into_iter().map(|breach| (breach.of, breach.what));
    breaches.filter(|(of, what)| is_whole || *of != "I19" || !what.contains("its end")).collect()
}

fn name(by: &str, n: &str) -> Option<Name> {
    let n = if n == "last" { LAST } else { n.parse().ok()? };
    Some(Name { by: by.to_owned(), n })
}

fn position(text: &str) -> Option<Position> {
    text.parse().ok()
}

fn phase(word: &str) -> Option<Phase> {
    Some(match word {
        "begins" => Phase::Begins,
        "holds" => Phase::Holds,
        "mends" => Phase::Mends,
        "over" => Phase::Over,
        _ => return None,
    })
}

fn what(words: &[&str]) -> Option<What> {
    of_stage(words).or_else(|| of_visitor(words)).or_else(|| of_sender(words))
}

fn of_stage(words: &[&str]) -> Option<What> {
    let text = |word: &str| word.to_owned();
    Some(match *words {
        ["terms"] => terms(2_000, Shape::Redis),
        ["terms", word] => match word.parse() {
            Ok(shape) => terms(2_000, shape),
            Err(_) => terms(word.parse().ok()?, Shape::Redis),
        },
        ["fault", fault, word] => {
            What::Fault { fault: text(fault), node: None, phase: phase(word)? }
        }
        ["fault", fault, word, node] => {
            What::Fault { fault: text(fault), node: Some(text(node)), phase: phase(word)? }
        }
        ["healed"] => What::Healed,
        ["over"] => What::Over,
        ["started", node] => What::Started { node: text(node) },
        ["told", node] => What::Told { node: text(node) },
        ["cried", node] => What::Cried { node: text(node), line: text("panicked at") },
        ["exited", node, code, whose] => {
            What::Exited { node: text(node), code: code.parse().ok(), ours: whose == "ours" }
        }
        ["trying", by, user] => What::Trying { by: text(by), user: text(user) },
        ["kicking", session] => What::Kicking { session: text(session) },
        ["kicked", session] => What::Kicked { session: text(session), closed: 1 },
        ["blocking", user] => What::Blocking { user: text(user) },
        ["blocked", user] => What::Blocked { user: text(user) },
        ["unblocking", user] => What::Unblocking { user: text(user) },
        ["list", ref listed @ ..] => {
            let sessions = listed.iter().map(|one| {
                let (session, place) = one.split_once('=')?;
                let (user, node) = place.split_once('@')?;
                let (session, user, node) = (text(session), text(user), text(node));
                Some(Listed { session, user, live: node != "-", node })
            });
            let sessions = sessions.collect::<Option<Vec<_>>>()?;
            What::Registry { node: text("n0"), asked: 0, whole: true, sessions }
        }
        _ => return None,
    })
}

fn terms(resumes_per_second: u64, shape: Shape) -> What {
    let (lease, window, ping, pong, drain) = (5_000, 20_000, 2_000, 2_000, 3_000);
    What::Terms { lease, window, ping, pong, drain, resumes_per_second, shape }
}

fn of_visitor(words: &[&str]) -> Option<What> {
    let text = |word: &str| word.to_owned();
    let socket = words.get(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    Some(match *words {
        ["minted", ticket, user, policy] => What::Minted {
            ticket: text(ticket),
            user: text(user),
            policy: match policy {
                "single" => Policy::Single,
                "reject" => Policy::Reject,
                _ => Policy::Multi,
            },
            expires_at: 30_000,
            by: text(user),
        },
        ["dial", _, by, node, "ticket", ticket] => What::Dial {
            socket,
            by: text(by),
            user: text(by),
            node: text(node),
            ticket: Some(text(ticket)),
            token: None,
            after: None,
        },
        ["dial", _, by, node, "token", token, after] => What::Dial {
            socket,
            by: text(by),
            user: text(by),
            node: text(node),
            ticket: None,
            token: Some(text(token)),
            after: Some(position(after)?),
        },
        ["trespass", _, why] => What::Trespass { socket, why: text(why) },
        ["welcome", _, session, user, node, how, at, token] => What::Welcome {
            socket,
            session: text(session),
            user: text(user),
            node: text(node),
            resumed: how == "resumed",
            position: position(at)?,
            token: text(token),
        },
        ["gets", _, id, by, n, to, at] => What::Message {
            socket,
            id: text(id),
            position: Some(position(at)?),
            name: name(by, n)?,
            to: text(to),
            digest: text("whole"),
            replayed: false,
            echo: false,
        },
        ["dozes", _, ms] => What::Dozes { socket, ms: ms.parse().ok()? },
        ["strange", _] => What::Strange { socket, text: text("?") },
        ["gap", _, after, until, reason] => What::Gap {
            socket,
            after: position(after)?,
            until: position(until)?,
            reason: text(reason),
        },
        ["caught-up", _, at] => What::CaughtUp { socket, position: position(at)? },
        ["closing", _, code] => {
            What::Closing { socket, code: code.parse().ok()?, retry_ms: Some(1) }
        }
        ["closed", _, code] => What::Closed { socket, code: code.parse().ok(), ours: false },
        _ => return None,
    })
}

fn of_sender(words: &[&str]) -> Option<What> {
    let text = |word: &str| word.to_owned();
    let sending = |by, n, to: &str, node: &str, digest: &str, socket: Option<u64>| {
        let (to, node, digest) = (text(to), text(node), text(digest));
        Some(What::Sending { name: name(by, n)?, to, digest, node, key: None, socket })
    };
    let sent = |by, n, fate, id: Option<&str>, at: Option<Position>, matched| {
        Some(What::Sent {
            name: name(by, n)?,
            node: text("n0"),
            fate,
            status: 0,
            id: id.map(text),
            position: at,
            matched,
            live: matched,
            socket: None,
        })
    };
    match *words {
        ["sends", by, n, to] => sending(by, n, to, "n2", "whole", None),
        ["sends", by, n, to, "damaged"] => sending(by, n, to, "n2", "other", None),
        ["sends", by, n, to, node] => sending(by, n, to, node, "whole", None),
        ["says", socket, by, n, to] => sending(by, n, to, "", "whole", socket.parse().ok()),
        ["accepted", by, n, id, at] => sent(by, n, Fate::Accepted, Some(id), position(at), 1),
        ["accepted", by, n, id, at, matched] => {
            sent(by, n, Fate::Accepted, Some(id), position(at), matched.parse().ok()?)
        }
        ["refused", by, n] => sent(by, n, Fate::Refused, None, None, 0),
        ["unknown", by, n] => sent(by, n, Fate::Unknown, None, None, 0),
        ["misused", key, status] => {
            Some(What::Misused { key: text(key), status: status.parse().ok()? })
        }
        _ => None,
    }
}
