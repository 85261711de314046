//! Scripts: what happens to a machine, a word for each, and what it does then as lines.
//!
//! `@5000` lets time pass up to then; the machine is woken whenever it wants. All else happens at
//! the time that it is then. Sessions, messages and tickets are numbers, positions any text.

use std::{fmt::Write, time::Duration};

use expect_test::Expect;
use protocol::{id, name::UserId, partition::Partition, position::Mark};
use serde_json::{Value, json};

use super::super::{Input, Machine, Moment, Output, PostId, Proof, Setup};
use crate::{
    event::Event,
    outgoing::Outgoing,
    pace::Pace,
    state::State,
    ticket::{NoTicket, Ticket},
};

/// Plays a script and compares the trace.
#[track_caller]
pub(super) fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&Stage::new().play(script).trace);
}

/// The same for what happens to a session that is live already.
#[track_caller]
pub(super) fn check_live(script: &str, expected: &Expect) {
    expected.assert_eq(&Stage::live().play(script).trace);
}

/// A machine, its time, and what it did.
pub(super) struct Stage {
    pub(super) machine: Machine,
    pub(super) now: u64,
    pub(super) trace: String,
    tickets: u128,
    tokens: u128,
}

pub(super) fn setup(seed: u64) -> Setup {
    let (url, key) = ("ws://here".to_owned(), "k".to_owned());
    Setup { url, after: None, pace: Pace::default(), seed, key }
}

/// What is done before most scripts begin.
pub(super) const LIVE: &str = "start ticket opened welcome:1:p10";

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(setup(1))
    }

    pub(super) fn with(setup: Setup) -> Self {
        let machine = Machine::new(setup);
        Self { machine, now: 0, trace: String::new(), tickets: 0, tokens: 0 }
    }

    /// A session that is live, and what it did to be so forgotten.
    pub(super) fn live() -> Self {
        let mut stage = Self::new().play(LIVE);
        stage.trace.clear();
        stage
    }

    pub(super) fn play(mut self, script: &str) -> Self {
        for word in script.split_whitespace() {
            match word.strip_prefix('@') {
                Some(until) => self.pass(until.parse().unwrap()),
                None => {
                    let input = self.input(word);
                    self.handle(input);
                }
            }
        }
        self
    }

    /// Lets time pass, with all wakes on the way.
    fn pass(&mut self, until: u64) {
        for _ in 0..1000 {
            match self.machine.wake_at() {
                Some(at) if at.0 <= until => {
                    self.now = self.now.max(at.0);
                    self.handle(Input::Wake);
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("it is woken without end at {}: {}", self.now, self.trace);
    }

    pub(super) fn handle(&mut self, input: Input) {
        self.machine.handle(Moment(self.now), input);
        while let Some(output) = self.machine.poll() {
            writeln!(self.trace, "{} {}", self.now, shown(&output)).unwrap();
        }
    }

    /// What a word of a script means.
    pub(super) fn input(&mut self, word: &str) -> Input {
        let parts: Vec<&str> = word.split(':').collect();
        let number = |text: &str| text.parse::<u64>().unwrap();
        let ms = |text: &str| Duration::from_millis(number(text));
        match parts[..] {
            ["start"] => Input::Start,
            ["ticket"] => Input::Ticket(Ok(self.ticket())),
            ["ticket", user] => {
                let user = Some(UserId::parse(user).unwrap());
                Input::Ticket(Ok(Ticket { user, ..self.ticket() }))
            }
            ["ticket_at", port] => {
                let urls = vec![format!("ws://there:{port}"), "http://x".to_owned()];
                Input::Ticket(Ok(Ticket { urls, ..self.ticket() }))
            }
            ["ticket_of", name] => {
                Input::Ticket(Ok(Ticket { urls: vec![format!("ws://{name}")], ..self.ticket() }))
            }
            ["no_ticket"] => Input::Ticket(Err(NoTicket::from("backend is down"))),
            ["refused"] => Input::Ticket(Err(NoTicket::refused("logged out"))),
            ["opened"] | ["life"] => Input::Life,
            ["unopened"] => Input::NotOpened("no route".to_owned(), None),
            ["unopened", retry] => Input::NotOpened("answered 503".to_owned(), Some(ms(retry))),
            ["closed", code] => {
                Input::Closed(u16::try_from(number(code)).unwrap(), "why".to_owned())
            }
            ["lost"] => Input::Lost("reset".to_owned()),
            ["stalled"] => Input::Stalled,
            ["flowing"] => Input::Flowing,
            ["send", id] => send(number(id), Outgoing::new("bob", &1)),
            ["dots", id] => send(number(id), Outgoing::new("bob", &1).volatile()),
            ["active"] => Input::Active,
            ["ack", position] => Input::Ack(Mark::parse(position).unwrap()),
            ["away", wait] => Input::Away(ms(wait)),
            ["leave"] => Input::Leave,
            ["garbage"] => Input::Text("{".to_owned()),
            _ => Input::Text(self.frame(&parts).to_string()),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        id::Ticket::new(Partition(0), self.tickets).into()
    }

    fn frame(&mut self, parts: &[&str]) -> Value {
        let message = |n: &str| id::MessageId::new(Partition(0), n.parse().unwrap());
        let session = |n: &str| id::SessionId::new(Partition(0), n.parse().unwrap());
        match *parts {
            [kind @ ("welcome" | "resumed"), n, position] => {
                self.welcome(&session(n), position, kind == "resumed", "alice")
            }
            ["welcome", n, position, user] => self.welcome(&session(n), position, false, user),
            ["welcome_at", n, position, url, other] => {
                let mut welcome = self.welcome(&session(n), position, false, "alice");
                welcome["urls"] = json!([url, other].map(|url| format!("ws://{url}")));
                welcome
            }
            ["message", n] => json!({"type": "message", "id": message(n), "data": 0, "at": 0}),
            ["message", n, position] => {
                json!({"type": "message", "id": message(n), "position": position, "data": 0, "at": 0})
            }
            ["gap", after, until] => {
                json!({"type": "gap", "after": after, "until": until, "reason": "overflow"})
            }
            ["reply", reference] => json!({"type": "reply", "ref": reference, "id": message("9")}),
            ["reply", reference, code] => {
                json!({"type": "reply", "ref": reference, "error": {"code": code, "detail": "no"}})
            }
            ["reply", reference, code, retry] => {
                let retry: u64 = retry.parse().unwrap();
                let error = json!({"code": code, "detail": "no", "retry_ms": retry});
                json!({"type": "reply", "ref": reference, "error": error})
            }
            ["closing", code] => json!({"type": "closing", "code": code.parse::<u16>().unwrap()}),
            ["closing", code, retry] => {
                let (code, retry): (u16, u64) = (code.parse().unwrap(), retry.parse().unwrap());
                json!({"type": "closing", "code": code, "retry_ms": retry})
            }
            [name] => json!({"type": name}),
            _ => panic!("no script knows {parts:?}"),
        }
    }

    fn welcome(
        &mut self,
        session: &id::SessionId,
        position: &str,
        resumed: bool,
        user: &str,
    ) -> Value {
        self.tokens += 1;
        let resume = id::ResumeToken::new(Partition(0), self.tokens);
        json!({
            "type": "welcome", "session": session, "user": user, "position": position,
            "resume": resume, "resumed": resumed, "ping_ms": 25_000, "node": "n1",
        })
    }
}

fn send(id: u64, outgoing: Outgoing) -> Input {
    Input::Send(PostId(id), outgoing.0.unwrap())
}

/// The number that an id was made of.
fn short(id: &impl ToString) -> String {
    let text = id.to_string();
    text[4..].trim_start_matches('0').to_owned()
}

fn shown(output: &Output) -> String {
    match output {
        Output::GetTicket(reason) => format!("ask for a ticket: {reason:?}"),
        Output::Dial { url, proof } => format!(
            "dial {url} {}",
            match proof {
                Proof::Ticket(ticket, None) => format!("with ticket {}", short(ticket)),
                Proof::Ticket(ticket, Some(after)) => {
                    format!("with ticket {} after {after}", short(ticket))
                }
                Proof::Resume(token, after) => format!("with token {} after {after}", short(token)),
            }
        ),
        Output::Write(text) => format!("write {text}"),
        Output::HangUp => "hang up".to_owned(),
        Output::Deliver(Event::Message(message)) => format!("deliver {}", short(&message.id)),
        Output::Deliver(Event::Gap(gap)) => {
            format!("deliver gap {} to {}: {:?}", gap.after, gap.until, gap.reason)
        }
        Output::Deliver(Event::Unreadable { .. }) => panic!("only the app's side reads data"),
        Output::Settle(PostId(id), Ok(sent)) => format!("sent {id} as {}", short(&sent.id)),
        Output::Settle(PostId(id), Err(error)) => format!("failed {id}: {error}"),
        Output::Tell(State::Connecting) => "connecting".to_owned(),
        Output::Tell(State::Live(live)) => {
            format!("live {}{}", short(&live.session), if live.resumed { " again" } else { "" })
        }
        Output::Tell(State::Waiting { wait, cause }) => {
            format!("waiting {} ms: {cause}", wait.as_millis())
        }
        Output::Tell(State::Ended(end)) => format!("ended: {end}"),
    }
}
