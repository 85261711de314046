//! Commands go in as text, what the sockets get comes out as text.
//!
//! `open a` admits a session and `read a` answers its read; `+5s` lets time pass. A line is a turn,
//! unless commands are joined by `&`. `room a 10` makes a socket that takes ten bytes and no more.
//! Lines with `<` are frames that a socket has taken whole.

mod asking;
mod delivery;
mod ending;
mod everyone;
mod frames;
mod frozen;
mod opening;
mod parting;
mod room;

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use expect_test::Expect;
use protocol::{
    frame::{By, FromSession, Gap, GapReason, Invalid, ReplyError},
    target::Target,
    time::Timestamp,
};

use super::*;
use crate::{
    fixture::{
        Words, at, audience, class, data, device, message, message_id, position, session, short,
        token, user,
    },
    message::{Fence, Message},
};

fn check(script: &str, expect: &Expect) {
    check_with(|_| {}, script, expect);
}

/// With other options than the usual ones.
fn check_with(change: impl FnOnce(&mut Options), script: &str, expect: &Expect) {
    let mut options = options();
    change(&mut options);
    let mut desk = Desk::new(options);
    for line in script.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(desk.trace, "{line}").unwrap();
        for command in line.split('&') {
            desk.command(command.trim());
            desk.settle();
        }
        desk.handle(Input::TurnEnd);
        desk.settle();
    }
    expect.assert_eq(&desk.trace);
}

fn options() -> Options {
    Options {
        node: "n1".to_owned(),
        outbox: outbox::Bounds::default(),
        outboxes_bytes: usize::MAX,
        frames: Rate { per_second: 100, burst: 200 },
        ping: limit::PING,
        pong_wait: limit::PONG_WAIT,
        grace: Duration::from_secs(100),
        grace_window: Duration::from_secs(20),
        encode,
        control_ping: Bytes::from_static(b"(control ping)\n"),
    }
}

/// Frames as lines of text.
fn encode(frame: &ToSession<'_>) -> Bytes {
    let text = match frame {
        ToSession::Welcome(w) => {
            let (session, resume) = (short(w.session), short(w.resume));
            let resumed = if w.resumed { " resumed" } else { "" };
            format!("welcome {session} {} {} {resume}{resumed}", w.user, at(w.position))
        }
        ToSession::Message(m) => {
            let place = m.position.map_or_else(|| "volatile".to_owned(), at);
            let from = m.from.map_or(String::new(), |from| format!(" from {from}"));
            let echo = m.echo_of.map_or(String::new(), |of| format!(" echo of {of}"));
            let replayed = if m.replayed { " replayed" } else { "" };
            format!("{place} {}{from}{echo}{replayed}", m.data.as_str().trim_matches('"'))
        }
        ToSession::Gap(gap) => {
            format!("gap {} to {} {:?}", at(gap.after), at(gap.until), gap.reason)
        }
        ToSession::CaughtUp(position) => format!("caught up {}", at(*position)),
        ToSession::Reply(reply) => {
            let reference = reply.reference.as_deref().unwrap_or("-");
            match &reply.outcome {
                ReplyOutcome::Sent { id, .. } => format!("reply {reference} {}", short(id)),
                ReplyOutcome::Refused { error } => {
                    let retry = error.retry_ms.map_or(String::new(), |ms| format!(" {ms} ms"));
                    format!("reply {reference} {}{retry}", error.code)
                }
            }
        }
        ToSession::Ping => "ping".to_owned(),
        ToSession::Pong => "pong".to_owned(),
        ToSession::Closing(closing) => {
            let retry = closing.retry_ms.map_or(String::new(), |ms| format!(" in {ms} ms"));
            let by = closing.by.as_ref().map_or(String::new(), |by| {
                let device = by.device.as_ref().map_or("-", |d| d.as_str());
                format!(" by {} on {device}", short(by.session))
            });
            format!("closing {}{retry}{by}", closing.code)
        }
    };
    Bytes::from(format!("{text}\n"))
}

/// What the owner of the sockets has of one.
struct Socket {
    slot: Slot,
    room: usize,
    /// What it took of a frame.
    begun: Vec<u8>,
}

struct Desk {
    shard: Shard,
    now: Moment,
    sockets: BTreeMap<String, Socket>,
    trace: String,
}

impl Desk {
    fn new(options: Options) -> Self {
        let now = Moment(1_000_000);
        let shard = Shard::new(options, now);
        Self { shard, now, sockets: BTreeMap::new(), trace: String::new() }
    }

    fn handle(&mut self, input: Input) {
        self.shard.handle(self.now, input);
    }

    fn command(&mut self, command: &str) {
        if let Some(time) = command.strip_prefix('+') {
            self.pass(duration(time));
            return;
        }
        let words = Words::of(command);
        let name = words.try_nth(1).unwrap_or_default();
        let slot = self.sockets.get(name).map(|socket| socket.slot);
        match words.nth(0) {
            "open" => self.open(name, &words),
            "room" => self.room(name, words.nth(2).parse().unwrap()),
            "read" => self.handle(Input::Read(slot.unwrap(), page(&words))),
            "deliver" => {
                let user = user(words.value("user").unwrap_or("alice"));
                let notice = Notice::Message(Arc::new(entry(name, &words)));
                self.handle(Input::Deliver(Envelope { user, notice }));
            }
            "behind" => self.tell_user(Notice::Behind(position(name))),
            "end" => self.end(&words),
            "replied" => {
                let outcome = match words.value("error") {
                    None => ReplyOutcome::Sent { id: message_id(9), echoed: None },
                    Some(code) => {
                        let (code, detail) = (code.to_owned(), String::new());
                        ReplyOutcome::Refused { error: ReplyError { code, detail, retry_ms: None } }
                    }
                };
                let reference = words.value("ref").map(str::to_owned);
                self.handle(Input::Replied(slot.unwrap(), reference, outcome));
            }
            "probe" => {
                let sessions = words.nth(1).split(',').map(|name| named(name, &words)).collect();
                let user = user(words.value("user").unwrap_or("alice"));
                let notice = Notice::Probe(sessions);
                self.handle(Input::Deliver(Envelope { user, notice }));
            }
            "probed" => self.tell_user(Notice::Probed(named(words.nth(1), &words))),
            "everyone" => self.handle(Input::Everyone(Arc::new(entry(name, &words)))),
            "continue" => self.handle(Input::Continue),
            "waiting" => writeln!(self.trace, "  {}", self.shard.waiting_bytes()).unwrap(),
            "ping" => self.handle(Input::Ping(slot.unwrap(), "(control pong)\n".into())),
            "pong" => self.handle(Input::Pong(slot.unwrap())),
            "violation" => {
                let violation = Violation { code: words.nth(2).parse().unwrap(), reason: "broken" };
                self.handle(Input::Violation(slot.unwrap(), violation));
            }
            "left" => {
                let code = words.try_nth(2).map(|code| code.parse().unwrap());
                self.handle(Input::Left(slot.unwrap(), code));
            }
            "lost" => self.handle(Input::Lost(slot.unwrap())),
            "freeze" => self.handle(Input::Freeze([session(1).partition()].into())),
            "thaw" => self.handle(Input::Thaw(session(1).partition())),
            "drain" => self.handle(Input::Drain(duration(words.nth(1)))),
            "takes" => {
                let takes = self.shard.takes_frames(slot.unwrap());
                writeln!(self.trace, "  {takes}").unwrap();
            }
            "counts" => writeln!(self.trace, "  {:?}", self.shard.counts()).unwrap(),
            "len" => writeln!(self.trace, "  {}", self.shard.len()).unwrap(),
            "early-ends" => writeln!(self.trace, "  {}", self.shard.early_ends()).unwrap(),
            "flood" => self.flood(slot.unwrap(), &words),
            kind => {
                let frame = Box::new(received(kind, &words));
                self.handle(Input::Frame(slot.unwrap(), frame));
            }
        }
    }

    fn tell_user(&mut self, notice: Notice) {
        self.handle(Input::Deliver(Envelope { user: user("alice"), notice }));
    }

    /// Many pings, `times` times with 10 ms between; what is answered does not show.
    fn flood(&mut self, slot: Slot, words: &Words<'_>) {
        let before = self.trace.len();
        for _ in 0..words.number("times", 1) {
            for _ in 0..words.nth(2).parse().unwrap() {
                self.handle(Input::Frame(slot, Box::new(received("ping", words))));
                self.settle();
                self.handle(Input::TurnEnd);
            }
            self.now =
                self.now.after(Duration::from_millis(10 * (words.number("times", 1) - 1).min(1)));
        }
        let shown = self.trace.split_off(before);
        self.trace.extend(shown.split_inclusive('\n').filter(|line| !line.contains(" < ")));
    }

    /// Time passes, and the owner wakes the shard when it asked for that.
    fn pass(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        while let Some(at) = self.shard.wake_at().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.handle(Input::Wake);
            let before = self.trace.len();
            self.settle();
            self.handle(Input::TurnEnd);
            self.settle();
            if self.trace.len() > before {
                let ms = self.now.0 - 1_000_000;
                self.trace.insert_str(before, &format!(" {}.{}s\n", ms / 1000, ms % 1000 / 100));
            }
        }
        self.now = until;
    }

    fn open(&mut self, name: &str, words: &Words<'_>) {
        let id = u128::from(words.number("session", u64::from(name.as_bytes()[0] - b'a' + 1)));
        let resumed = words.has("resumed");
        let after = position(words.value("after").unwrap_or("0"));
        let admitted = Admitted {
            fenced: Fenced { session: session(id), fence: Fence(words.number("fence", 1)) },
            user: user(words.value("user").unwrap_or("alice")),
            device: words.value("device").map(device),
            class: words.value("class").map(class),
            send: match words.value("send") {
                None => SendGrant::None,
                Some("any") => SendGrant::Any,
                Some(name) => SendGrant::Users([user(name)].into()),
            },
            joined: match words.value("joined") {
                Some(joined) => position(joined),
                None if resumed => position("0"),
                None => after,
            },
            after,
            replay: resumed || words.has("replay"),
            resumed,
            first: false,
            token: token(id),
        };
        let speaks_usher = !words.has("plain");
        let slot = self.shard.open(self.now, Arrival { admitted, speaks_usher, urls: Vec::new() });
        let (room, begun) = (usize::MAX, Vec::new());
        self.sockets.insert(name.to_owned(), Socket { slot, room, begun });
    }

    fn end(&mut self, words: &Words<'_>) {
        let fenced = |name: &str| named(name, words);
        let code: u16 = words.nth(2).parse().unwrap();
        let code = *CloseCode::ALL.iter().find(|c| c.number() == code).unwrap();
        let by = words.value("by").map(|name| By {
            session: fenced(name).session,
            device: words.value("device").map(device),
            at: Timestamp(0),
        });
        let sessions = words.nth(1).split(',').map(fenced).collect();
        let notice = Notice::End { sessions, end: End { code, by } };
        let user = user(words.value("user").unwrap_or("alice"));
        self.handle(Input::Deliver(Envelope { user, notice }));
    }

    /// The socket takes this much more.
    fn room(&mut self, name: &str, room: usize) {
        self.sockets.get_mut(name).unwrap().room = room;
        let slot = self.sockets[name].slot;
        if self.shard.outbox(slot).is_some() {
            self.flush(name);
        }
    }

    /// Does what the shard says.
    fn settle(&mut self) {
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Send(slot, frame) => {
                    let name = self.name(slot);
                    let took = self.take(&name, &frame);
                    if took < frame.len() {
                        let rest = frame.slice(took..);
                        self.handle(Input::Stalled(slot, rest));
                    }
                }
                Output::Listen(slot) => self.note(slot, "is listened to"),
                Output::Flush(slot) => self.flush(&self.name(slot)),
                Output::Close(slot, closing) => self.close(slot, closing),
                Output::Read(slot, Reader { user, after, .. }) => {
                    self.note(slot, &format!("reads {user} {}", at(after)));
                }
                Output::Forward(slot, f) => {
                    let reference = f.reference.as_deref().unwrap_or("-");
                    self.note(slot, &format!("forwards {reference} to {}", f.frame.user));
                }
                Output::Touch(fenced, touch) => {
                    let touch = match touch {
                        Touch::Acked(position) => format!("acked {}", at(position)),
                        Touch::Active | Touch::Welcomed | Touch::Alive => format!("{touch:?}"),
                    };
                    self.tell("touch", fenced, &touch);
                }
                Output::Park(p) => self.tell("park", p.fenced, &p.code.to_string()),
                Output::Release(p) => self.tell("release", p.fenced, &p.code.to_string()),
                Output::Probed(fenced) => self.tell("probed", fenced, ""),
                Output::Opened(fenced, user, resumed) => {
                    let resumed = if resumed { " resumed" } else { "" };
                    self.tell("opened", fenced, &format!("{user}{resumed}"));
                }
            }
        }
    }

    fn name(&self, slot: Slot) -> String {
        let found = self.sockets.iter().find(|(_, socket)| socket.slot == slot);
        found.expect("outputs name open sockets").0.clone()
    }

    fn note(&mut self, slot: Slot, text: &str) {
        let name = self.name(slot);
        writeln!(self.trace, "  {name} {text}").unwrap();
    }

    fn tell(&mut self, what: &str, fenced: Fenced, text: &str) {
        let (session, fence) = (short(fenced.session), fenced.fence.0);
        writeln!(self.trace, "{}", format!("  {what} {session}#{fence} {text}").trim_end())
            .unwrap();
    }

    /// The socket takes what it has room for; says how much.
    fn take(&mut self, name: &str, bytes: &[u8]) -> usize {
        let socket = self.sockets.get_mut(name).unwrap();
        let took = bytes.len().min(socket.room);
        socket.room -= if socket.room == usize::MAX { 0 } else { took };
        socket.begun.extend_from_slice(&bytes[..took]);
        while let Some(end) = socket.begun.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(socket.begun.drain(..=end).collect()).unwrap();
            write!(self.trace, "  {name} < {line}").unwrap();
        }
        took
    }

    fn flush(&mut self, name: &str) {
        let slot = self.sockets[name].slot;
        let Some(outbox) = self.shard.outbox(slot) else { return };
        let bytes = outbox.slices().collect::<Vec<_>>().concat();
        let took = self.take(name, &bytes);
        self.handle(Input::Took(slot, took));
    }

    /// The owner waits for the socket to take what is left.
    fn close(&mut self, slot: Slot, closing: Closing) {
        let name = self.name(slot);
        let outbox = closing.outbox.unwrap_or_default();
        let bytes = outbox.slices().collect::<Vec<_>>().concat();
        self.sockets.get_mut(&name).unwrap().room = usize::MAX;
        self.take(&name, &bytes);
        assert!(self.sockets[&name].begun.is_empty(), "no frame is cut");
        let closed = format!("  {name} closed {} {}", closing.code, closing.reason);
        writeln!(self.trace, "{}", closed.trim_end()).unwrap();
    }
}

/// The session that `open` makes for a socket of this name.
fn named(name: &str, words: &Words<'_>) -> Fenced {
    let n = u128::from(name.as_bytes()[0] - b'a' + 1);
    Fenced { session: session(n), fence: Fence(words.number("fence", 1)) }
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().unwrap()),
        None => Duration::from_secs(text.trim_end_matches('s').parse().unwrap()),
    }
}

/// `5` is message 5 for all, `5:device:d` one for others, `-` a volatile one.
fn entry(text: &str, words: &Words<'_>) -> Message {
    let (place, to) = text.split_once(':').unwrap_or((text, "all"));
    let mut entry = match place {
        "-" => Message { position: None, data: data("v"), ..message(0) },
        place => {
            let position = position(place);
            Message { position: Some(position), ..message(position.seq) }
        }
    };
    entry.to = audience(words.value("to").unwrap_or(to));
    entry.except = words.value("except").map(|n| session(n.parse().unwrap()));
    entry.from = words.value("from").map(user);
    entry.echo_of = words.value("echo").map(user);
    if let Some(bytes) = words.value("bytes") {
        entry.data = data(&"x".repeat(bytes.parse().unwrap()));
    }
    entry
}

/// `read a 1,2,3 until=3 more gap=0-1`, or `fail`.
fn page(words: &Words<'_>) -> Option<Page> {
    if words.has("fail") {
        return None;
    }
    let entries = words.try_nth(2).filter(|word| *word != "more");
    let messages: Vec<_> = entries
        .into_iter()
        .flat_map(|entries| entries.split(','))
        .map(|text| Arc::new(entry(text, words)))
        .collect();
    let last = messages.last().and_then(|message| message.position);
    let until = words.value("until").map(position).or(last).unwrap_or_else(|| position("0"));
    let gap = words.value("gap").map(|text| {
        let (after, until) = text.split_once('-').unwrap();
        Gap { after: position(after), until: position(until), reason: GapReason::Expired }
    });
    Some(Page { gap, messages, until, more: words.has("more") })
}

fn received(kind: &str, words: &Words<'_>) -> Result<Received, Unread> {
    let reference = words.value("ref").map(str::to_owned);
    let unread = |invalid| {
        let (reference, detail) = (reference.clone(), String::new());
        Err(Unread { invalid, reference, detail })
    };
    let frame = match kind {
        "send" => FromSession::Send(Box::new(SendFrame {
            user: user(words.nth(2)),
            data: data("hi"),
            to: Target::All,
            volatile: false,
            ttl: None,
            echo: None,
            key: None,
        })),
        "active" => FromSession::Active,
        "ack" => FromSession::Ack(position(words.nth(2))),
        "asks" | "ping" => FromSession::Ping,
        "answers" => FromSession::Pong,
        "leave" => FromSession::Leave,
        "dance" => FromSession::Unknown,
        "bad-json" => return unread(Invalid::Json),
        "bad-frame" => return unread(Invalid::Frame),
        "bad-field" => return unread(Invalid::Field),
        _ => panic!("{kind} is no command"),
    };
    Ok(Received { reference, frame })
}
