//! Commands go in as text, what the registry answers comes out as text.
//!
//! `mint 1 alice` makes ticket `t1`, `admit 1 s1` opens session `s1` with it on node `n1`. Each
//! attempt takes the next resume token, so `r1` belongs to the first. `s1#2` is the second admission
//! of `s1`; without a number the latest is meant. `read alice 0 by=s1` reads for `s1`.
//! `withdraw` takes back the last attempt, `again` tries it once more; one that is `late` is not tried
//! before that. `+5s` lets time pass, `-5s` sets the clock back.

mod admitting;
mod blocking;
mod keys;
mod probing;
mod reasserting;
mod resuming;
mod sending;
mod sweeping;
mod withdrawing;

use std::{collections::HashMap, fmt::Write, net::Ipv4Addr, sync::Arc, time::Duration};

use expect_test::Expect;
use protocol::{
    grant::{Scope, WhenFull},
    target::Target,
};

use super::*;
use crate::fixture::{Words, class, data, device, message_id, session, short, ticket, token, user};
use crate::message::Notice;

fn check(script: &str, expect: &Expect) {
    check_with(Terms::default(), script, expect);
}

fn check_with(terms: Terms, script: &str, expect: &Expect) {
    expect.assert_eq(&trace(terms, script));
}

fn trace(terms: Terms, script: &str) -> String {
    let mut desk = Desk {
        registry: Registry::new(terms),
        now: Timestamp(1_000_000),
        attempts: 0,
        messages: 0,
        last: None,
        fences: HashMap::new(),
        epochs: Vec::new(),
        known: Vec::new(),
        trace: String::new(),
    };
    for line in script.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(desk.trace, "{line}").unwrap();
        desk.command(line);
        // Whatever has happened, an excerpt has all of it.
        let excerpt = desk.registry.excerpt();
        assert_eq!(Registry::of(terms, excerpt.clone()).excerpt(), excerpt, "{}", desk.trace);
    }
    desk.trace
}

struct Desk {
    registry: Registry,
    now: Timestamp,
    attempts: u128,
    messages: u128,
    last: Option<Attempt>,
    /// The fences of each session's admissions, in order.
    fences: HashMap<SessionId, Vec<Fence>>,
    epochs: Vec<u64>,
    /// What a registry had that forgot it.
    known: Vec<Person>,
    trace: String,
}

impl Desk {
    fn command(&mut self, command: &str) {
        let words = Words::of(command);
        match words.nth(0) {
            "mint" => self.mint(&words),
            "admit" | "resume" => {
                let attempt = self.attempt(&words);
                match words.has("late") {
                    true => self.last = Some(attempt),
                    false => self.admit(attempt),
                }
            }
            "withdraw" => self.withdraw(),
            "again" => {
                let attempt = self.last.clone().unwrap();
                self.admit(attempt);
            }
            "park" => {
                let fenced = self.fenced(words.nth(1));
                let (parked, mail) = self.registry.park(self.now, fenced);
                self.say(&parked.to_string());
                self.post(mail);
            }
            "forget" | "reassert" => self.lose(&words),
            "reclaim" => {
                let fenced = self.fenced(words.nth(1));
                let reclaimed = self.registry.reclaim(self.now, fenced);
                self.say(&reclaimed.to_string());
            }
            "release" => {
                let fenced = self.fenced(words.nth(1));
                let code = CloseCode::CannotResume;
                let (released, mail) = self.registry.release(self.now, fenced, code);
                self.say(
                    released.map_or("false", |ended| if ended.last { "last" } else { "true" }),
                );
                self.post(mail);
            }
            "touch" => self.touch(&words),
            "end" => self.end(&words),
            "send" => self.send(&words),
            "read" => self.read(&words),
            "sessions" | "session" | "list" | "count" | "census" | "blocks" | "held" => {
                self.look(&words);
            }
            "block" => {
                let time = words.value("for").map(|s| Duration::from_secs(s.parse().unwrap()));
                self.block(&user(words.nth(1)), Blocking::Set(time));
            }
            "lift" => self.block(&user(words.nth(1)), Blocking::Lift),
            "hold" => {
                let token = token(words.nth(1)[1..].parse().unwrap());
                self.registry.hold(self.now, token, Duration::from_secs(words.number("for", 30)));
            }
            "sweep" => self.sweep(&words),
            time => {
                let ms: u64 = 1000 * time[1..].trim_end_matches('s').parse::<u64>().unwrap();
                let back = time.starts_with('-');
                self.now.0 = if back { self.now.0 - ms } else { self.now.0 + ms };
            }
        }
    }

    /// The registry forgets all but blocks; what it had, a node has still, as it was each time.
    fn lose(&mut self, words: &Words<'_>) {
        if words.nth(0) == "forget" {
            let Excerpt { people, blocks, .. } = self.registry.excerpt();
            self.known.extend(people);
            let kept = Excerpt { blocks, ..Excerpt::default() };
            self.registry = Registry::of(self.registry.terms, kept);
            return;
        }
        let id = id(words.nth(1));
        let of = |person: &Person| person.standing.iter().find(|one| one.id == id).cloned();
        let mut found = self.known.iter().filter_map(|one| Some((one.name.clone(), of(one)?)));
        let time: usize = words.number("time", 1).try_into().unwrap();
        let (user, standing) = found.nth(time - 1).unwrap();
        let (outcome, mail) = self.registry.reassert(self.now, &user, standing);
        match outcome {
            Ok(ended) => self.say(&format!("stands, ended {}", names(&ended))),
            Err(code) => self.say(&code.to_string()),
        }
        self.post(mail);
    }

    fn look(&mut self, words: &Words<'_>) {
        match words.nth(0) {
            "sessions" => {
                let shown = self.registry.sessions_of(self.now, &user(words.nth(1)));
                self.show(&shown);
            }
            "session" => {
                let shown = self.registry.session(self.now, id(words.nth(1)));
                self.show(shown.as_slice());
            }
            "list" => {
                let most = words.nth(1).parse().unwrap();
                let shown = self.registry.sessions(self.now, words.value("after").map(id), most);
                self.show(&shown);
            }
            "count" => {
                let Presence { live, parked, blocked } =
                    self.registry.presence(self.now, &user(words.nth(1)));
                let blocked = if blocked { ", blocked" } else { "" };
                self.say(&format!("{live} live, {parked} parked{blocked}"));
            }
            "census" => {
                let census = self.registry.census(self.now);
                self.say(&format!("{census:?}"));
            }
            "blocks" => {
                let most = words.nth(1).parse().unwrap();
                let after = words.value("after").map(user);
                for Blocked { user, until } in self.registry.blocks(self.now, after.as_ref(), most)
                {
                    let until = until.map_or(String::new(), |at| format!(" until {}s", since(at)));
                    self.say(&format!("{user}{until}"));
                }
            }
            _ => {
                let held = self.registry.held();
                self.say(&format!("{held:?}"));
            }
        }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.trace, "  {}", text.trim_end()).unwrap();
    }

    fn mint(&mut self, words: &Words<'_>) {
        let grant = Grant {
            user: user(words.nth(2)),
            device: words.value("device").map(device),
            class: words.value("class").map(class),
            policy: policy(words),
            send: SendGrant::None,
            origin: words.value("bound").map(origin),
            max_age: words.value("age").map(|s| Duration::from_secs(s.parse().unwrap())),
            meta: Meta::default(),
        };
        let ttl = Duration::from_secs(words.number("ttl", 30));
        let ticket = ticket(words.nth(1).parse().unwrap());
        if self.registry.mint(self.now, ticket, grant, ttl).is_none() {
            self.say("blocked");
        }
    }

    fn block(&mut self, user: &UserId, blocking: Blocking) {
        let (ended, mail) = self.registry.block(self.now, user, blocking);
        self.say(&format!("ended {}", names(&ended)));
        self.post(mail);
    }

    fn attempt(&mut self, words: &Words<'_>) -> Attempt {
        self.attempts += 1;
        let proof = match words.nth(0) {
            "admit" => {
                let after = words.value("after").map(|text| self.position(text));
                Proof::Ticket(ticket(words.nth(1).parse().unwrap()), after)
            }
            _ => {
                let after = self.position(words.value("after").unwrap_or("0"));
                Proof::Resume(token(words.nth(1)[1..].parse().unwrap()), after)
            }
        };
        let node = words.value("on").unwrap_or("n1");
        Attempt {
            proof,
            session: words.try_nth(2).map_or_else(|| session(1000 + self.attempts), id),
            token: token(self.attempts),
            node: Arc::new(NodeRef { id: node.into(), generation: 1 }),
            address: Ipv4Addr::LOCALHOST.into(),
            origin: words.value("from").map(origin),
            origin_allowed: words.has("allowed"),
        }
    }

    fn withdraw(&mut self) {
        let attempt = self.last.clone().unwrap();
        let (withdrawn, mail) = self.registry.withdraw(self.now, &attempt);
        self.say(&match withdrawn {
            Withdrawn::Nothing => "it had got nothing".to_owned(),
            Withdrawn::Parked => "parked".to_owned(),
            Withdrawn::Ended(Ended { session, last, .. }) => {
                format!("ended {}{}", short(session), if last { ", the last" } else { "" })
            }
        });
        self.post(mail);
    }

    fn admit(&mut self, attempt: Attempt) {
        let before = self.registry.held();
        let (verdict, mail) = self.registry.admit(self.now, &attempt);
        self.last = Some(attempt);
        match verdict {
            Verdict::Admitted { admitted, ended } => {
                let fences = self.fences.entry(admitted.fenced.session).or_default();
                let is_new = fences.last().is_none_or(|last| *last < admitted.fenced.fence);
                if is_new {
                    fences.push(admitted.fenced.fence);
                }
                let epoch = self.registry.people.user(&admitted.user).unwrap().stream.head().epoch;
                if !self.epochs.contains(&epoch) {
                    assert!(self.epochs.iter().all(|earlier| *earlier < epoch), "epochs grow");
                    self.epochs.push(epoch);
                }
                let name = self.name(admitted.fenced);
                let (after, joined) = (self.at(admitted.after), self.at(admitted.joined));
                let replay = if admitted.replay { ", replay" } else { "" };
                let resumed = if admitted.resumed { ", resumed" } else { "" };
                let token = short(admitted.token);
                let first = if admitted.first { ", first" } else { "" };
                self.say(&format!(
                    "{name} {token} after {after} joined {joined}{replay}{resumed}{first}"
                ));
                if !ended.is_empty() {
                    self.say(&format!("ended {}", names(&ended)));
                }
                self.post(mail);
            }
            Verdict::Asked(asked) => {
                assert_eq!(self.registry.held(), before, "a question changes nothing");
                let asked: Vec<_> = asked.iter().map(|fenced| self.name(*fenced)).collect();
                self.say(&format!("asked {}", asked.join(" ")));
                self.post(mail);
            }
            Verdict::Refused(code) => {
                assert_eq!(self.registry.held(), before, "a refusal changes nothing");
                assert_eq!(mail, [], "nobody is told of a refusal");
                self.say(&code.to_string());
            }
        }
    }

    fn touch(&mut self, words: &Words<'_>) {
        let touch = match words.nth(2) {
            "active" => Touch::Active,
            "welcomed" => Touch::Welcomed,
            "alive" => Touch::Alive,
            acked => Touch::Acked(self.position(acked)),
        };
        let fenced = self.fenced(words.nth(1));
        let mail = self.registry.touch(self.now, fenced, touch);
        self.post(mail);
    }

    fn end(&mut self, words: &Words<'_>) {
        let which = match words.value("one") {
            Some(one) => Which::One(id(one)),
            None => Which::AllBut(words.value("but").map(id)),
        };
        let user = user(words.nth(1));
        let (ended, mail) = self.registry.end(self.now, &user, which, CloseCode::ClosedByBackend);
        self.say(&format!("ended {}", names(&ended)));
        self.post(mail);
    }

    fn send(&mut self, words: &Words<'_>) {
        self.messages += 1;
        let draft = Draft {
            id: message_id(self.messages),
            data: data(&"x".repeat(usize::try_from(words.number("bytes", 1)).unwrap())),
            from: None,
            echo_of: words.value("echo").map(user),
            to: match words.value("to") {
                None => Target::All,
                Some("active") => Target::Active,
                Some(to) => match to.split_once(':').unwrap() {
                    ("device", name) => Target::Device(device(name)),
                    ("class", name) => Target::Class(class(name)),
                    (_, name) => Target::Session(id(name)),
                },
            },
            except: words.value("except").map(id),
            volatile: words.has("volatile"),
            ttl: words.value("ttl").map(|s| Duration::from_secs(s.parse().unwrap())),
            key: words.value("key").map(|text| Key {
                scope: match words.value("by") {
                    Some(name) => KeyScope::User(user(name)),
                    None => KeyScope::Backend("k".into()),
                },
                text: text.into(),
                fingerprint: u128::from(words.number("print", 0)),
            }),
            by: None,
        };
        let user = user(words.nth(1));
        match self.registry.append(self.now, &user, draft) {
            Ok((receipt, mail)) => {
                let place = receipt.position.map(|at| self.at(at));
                let place = place.unwrap_or_else(|| "no position".to_owned());
                let again = match receipt.replayed {
                    true => format!(", {} again", short(receipt.id)),
                    false => String::new(),
                };
                let (live, parked) = (receipt.live, receipt.parked);
                self.say(&format!("{place}, {live} live, {parked} parked{again}"));
                self.post(mail);
            }
            Err(not) => self.say(&format!("{not:?}")),
        }
    }

    fn read(&mut self, words: &Words<'_>) {
        let after = self.position(words.nth(2));
        let most = usize::try_from(words.number("most", 100)).unwrap();
        let user = user(words.nth(1));
        // Who reads does not matter to most tests.
        let first = || self.registry.sessions_of(self.now, &user).first().map(|s| short(s.id));
        let Some(by) = words.value("by").map(str::to_owned).or_else(first) else {
            return self.say("nobody reads");
        };
        let fenced = self.fenced(&by);
        let reader = Reader { user, fenced, after };
        let Some(page) = self.registry.read(self.now, &reader, most, 10_000) else {
            return self.say("nothing to read");
        };
        if let Some(gap) = &page.gap {
            let (after, until) = (self.at(gap.after), self.at(gap.until));
            self.say(&format!("gap {after} to {until} {:?}", gap.reason));
        }
        let found: Vec<_> = page
            .messages
            .iter()
            .map(|m| self.at(m.position.expect("kept ones have one")))
            .collect();
        let more = if page.more { ", more" } else { "" };
        self.say(&format!("[{}] until {}{more}", found.join(" "), self.at(page.until)));
    }

    fn sweep(&mut self, words: &Words<'_>) {
        let most = usize::try_from(words.number("most", 100)).unwrap();
        let deaf = words.value("deaf").map(user);
        let swept = self.registry.sweep(self.now, most, |user| deaf.as_ref() != Some(user));
        for ended in swept.ended {
            let last = if ended.last { ", the last" } else { "" };
            self.say(&format!(
                "ended {} of {} {}{last}",
                short(ended.session),
                ended.user,
                ended.code
            ));
        }
        self.post(swept.mail);
    }

    fn post(&mut self, mail: Vec<Mail>) {
        for Mail { node, envelope } in mail {
            let notice = match envelope.notice {
                Notice::Message(m) => {
                    let place = m.position.map_or_else(|| "volatile".to_owned(), |at| self.at(at));
                    format!("message {place} to {:?}", m.to)
                }
                Notice::End { sessions, end } => {
                    let sessions: Vec<_> = sessions.iter().map(|s| self.name(*s)).collect();
                    let by = end.by.map_or(String::new(), |by| {
                        let device = by.device.map_or(String::new(), |d| format!(" on {d}"));
                        format!(" by {}{device}", short(by.session))
                    });
                    format!("end {} {}{by}", sessions.join(" "), end.code)
                }
                Notice::Probe(sessions) => {
                    let sessions: Vec<_> = sessions.iter().map(|s| self.name(*s)).collect();
                    format!("probe {}", sessions.join(" "))
                }
                Notice::Behind(head) => format!("behind {}", self.at(head)),
                Notice::Probed(session) => format!("probed {}", self.name(session)),
            };
            self.say(&format!("-> {} {}: {notice}", node.id, envelope.user));
        }
    }

    fn show(&mut self, sessions: &[protocol::http::Session]) {
        for s in sessions {
            let device = s.device.as_ref().map_or(String::new(), |d| format!(" on {d}"));
            let until =
                s.resumable_until.map_or(String::new(), |at| format!(" until {}s", since(at)));
            let acked = s.acked.map_or(String::new(), |at| format!(" acked {}", self.at(at)));
            self.say(&format!(
                "{} of {}{device} at {} {:?}{until} created {}s connected {}s active {}s{acked}",
                short(s.id),
                s.user,
                s.node,
                s.state,
                since(s.created_at),
                since(s.connected_at),
                since(s.active_at)
            ));
        }
        if sessions.is_empty() {
            self.say("none");
        }
    }

    /// `s1` at its latest admission, `s1#1` at its first.
    fn fenced(&self, name: &str) -> Fenced {
        let (name, which) = name.split_once('#').unwrap_or((name, ""));
        let session = id(name);
        let fences = self.fences.get(&session).map(Vec::as_slice).unwrap_or_default();
        let which = which.parse().unwrap_or_else(|_| fences.len().max(1));
        Fenced { session, fence: fences.get(which - 1).copied().unwrap_or_default() }
    }

    fn name(&self, fenced: Fenced) -> String {
        let place = self.fences[&fenced.session].iter().position(|f| *f == fenced.fence);
        format!("{}#{}", short(fenced.session), place.expect("a known fence") + 1)
    }

    /// `5` is in the latest epoch, `1.5` in the first, `0.0` before all.
    fn position(&self, text: &str) -> Position {
        match text.trim_start_matches('@').split_once('.') {
            None => Position {
                epoch: self.epochs.last().copied().unwrap_or_default(),
                seq: text.trim_start_matches('@').parse().unwrap(),
            },
            Some((epoch, seq)) => {
                let epoch: usize = epoch.parse().unwrap();
                let known = epoch.checked_sub(1).map_or(Some(0), |n| self.epochs.get(n).copied());
                Position { epoch: known.unwrap_or(u64::MAX), seq: seq.parse().unwrap() }
            }
        }
    }

    fn at(&self, position: Position) -> String {
        match self.epochs.iter().position(|epoch| *epoch == position.epoch) {
            Some(n) => format!("@{}.{}", n + 1, position.seq),
            None if position.epoch == 0 => format!("@0.{}", position.seq),
            None => format!("@?.{}", position.seq),
        }
    }
}

fn id(name: &str) -> SessionId {
    session(name.trim_start_matches('s').parse().unwrap())
}

fn names(ended: &[Ended]) -> String {
    let name = |ended: &Ended| {
        let by_itself = matches!(ended.code, CloseCode::CannotResume | CloseCode::TooOld);
        let code = if by_itself { format!(" {}", ended.code) } else { String::new() };
        let last = if ended.last { ", the last" } else { "" };
        format!("{}{code}{last}", short(ended.session))
    };
    ended.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// Whole seconds since the script began.
fn since(at: Timestamp) -> i64 {
    at.0.cast_signed() / 1000 - 1000
}

fn origin(host: &str) -> Origin {
    Origin::parse(&format!("https://{host}")).unwrap()
}

fn policy(words: &Words<'_>) -> Policy {
    let max = words.number("max", if words.has("single") { 1 } else { 128 });
    Policy {
        max: u32::try_from(max).unwrap(),
        per: match words.value("per") {
            Some("device") => Scope::Device,
            Some("class") => Scope::Class,
            _ => Scope::User,
        },
        when_full: if words.has("reject") { WhenFull::Reject } else { WhenFull::Replace },
    }
}
