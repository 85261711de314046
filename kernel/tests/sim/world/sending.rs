//! Sending: messages on their way into streams, from backends and sessions.

use std::time::Duration;

use kernel::{
    moment::Moment,
    registry::{Draft, Key, KeyScope, NotAppended, Reader, Receipt},
    shard::Forward,
};
use protocol::{
    data::Data,
    frame::{ReplyError, ReplyOutcome, SendFrame},
    id::{MessageId, SessionId},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    target::Target,
};

use super::{
    PARTITION, World,
    carrying::{Answer, Call, Late},
};
use crate::{socket::Place, told::Case};

impl World {
    /// The engine accepts a message, or tells again that it has.
    pub(super) fn append(&mut self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended> {
        let asked = draft.clone();
        let mut given = draft;
        self.spoils_key(&mut given);
        let outcome = self.registry.append(self.clock.engine, user, given);
        let (mut outcome, mail) = match outcome {
            Ok((receipt, mail)) => (Ok(receipt), mail),
            Err(not) => (Err(not), Vec::new()),
        };
        if let Ok(receipt) = &mut outcome {
            self.spoils_receipt(receipt);
        }
        self.say(format_args!("{user} is sent {} {outcome:?}", asked.id));
        self.oracle.appended(user, &asked, &outcome);
        self.post(mail);
        self.stream_is_bounded(user);
        outcome
    }

    /// Whoever reads all of a stream gets no more than its bounds say.
    fn stream_is_bounded(&mut self, user: &UserId) {
        let Some(fenced) = self.oracle.somebody(user) else { return };
        let reader = Reader { user: user.clone(), fenced, after: Position::default() };
        let whole = self.registry.read(self.clock.engine, &reader, usize::MAX, usize::MAX);
        if let Some(whole) = whole {
            self.oracle.is_bounded(user, &whole);
        }
    }

    /// A session's message comes to the engine.
    pub(super) fn send(&mut self, since: Moment, place: Place, forward: Forward) {
        let Forward { session, user: sender, reference, frame } = forward;
        let id = MessageId::new(PARTITION, u128::from(self.next()));
        let key = frame.key.as_deref().map(|text| Key {
            scope: KeyScope::User(sender.clone()),
            text: text.into(),
            fingerprint: fingerprint(&frame),
        });
        let SendFrame { user, data, to, volatile, ttl, echo, .. } = *frame;
        let except = (user == sender).then_some(session);
        let from = Some(sender.clone());
        let draft =
            Draft { id, data, from, echo_of: None, to, except, volatile, ttl, key, by: None };
        let outcome = self.append(&user, draft.clone());
        let lost = draft.key.is_some() && !self.resting && self.dice.chance(10);
        if lost {
            // It was done, or not; the node cannot know.
            self.oracle.count(Case::ReplyLost);
            let outcome = refused("accept-unknown");
            return self.answers(since, Answer::Send { place, reference, outcome });
        }
        let sent = match outcome {
            Ok(receipt) => receipt.id,
            Err(not) => {
                let outcome = refused(match not {
                    NotAppended::KeyReused => "key-reused",
                    NotAppended::TooManyKeys => "overloaded",
                });
                return self.answers(since, Answer::Send { place, reference, outcome });
            }
        };
        match echo.unwrap_or(!volatile) && except.is_none() {
            true => {
                let except = Some(session);
                let draft =
                    Draft { id: sent, echo_of: Some(user), to: Target::All, except, ..draft };
                let draft = Box::new(draft);
                let copy = Call::Copy { place, reference, id: sent, sender, draft };
                self.calls.push(Late { since, what: copy });
            }
            false => {
                let outcome = ReplyOutcome::Sent { id: sent, echoed: None };
                self.answers(since, Answer::Send { place, reference, outcome });
            }
        }
    }

    /// The sender's other sessions get their copy.
    pub(super) fn copy(
        &mut self,
        since: Moment,
        place: Place,
        reference: Option<String>,
        id: MessageId,
        sender: &UserId,
        draft: Draft,
    ) {
        let echoed = self.append(sender, draft).is_ok();
        let outcome = ReplyOutcome::Sent { id, echoed: (!echoed).then_some(false) };
        self.answers(since, Answer::Send { place, reference, outcome });
    }

    pub(super) fn target(&mut self, some: Option<SessionId>) -> Target {
        match (self.dice.below(12), some) {
            (0 | 1, _) => Target::Active,
            (2, _) => Target::Device(DeviceId::parse(self.dice.one_of(&["d1", "d2"])).unwrap()),
            (3, _) => Target::Class(DeviceClass::parse("phone").unwrap()),
            (4, Some(session)) => Target::Session(session),
            _ => Target::All,
        }
    }

    /// Something to say, that was never said before.
    pub(super) fn data(&mut self) -> Data {
        let text = format!("\"{}{}\"", self.next(), "x".repeat(self.dice.below(120)));
        Data::new(&serde_json::value::RawValue::from_string(text).unwrap()).unwrap()
    }

    pub(super) fn some_ttl(&mut self, percent: usize) -> Option<Duration> {
        self.dice.chance(percent).then(|| self.dice.ms(1000, 60_000))
    }
}

/// Of what is asked for, but for its key: no two say the same.
fn fingerprint(frame: &SendFrame) -> u128 {
    let number = frame.data.as_str().trim_matches(|c: char| !c.is_ascii_digit());
    let number: u128 = number.parse().expect("what is said begins with a number");
    number * 2 + u128::from(frame.volatile)
}

fn refused(code: &str) -> ReplyOutcome {
    let detail = "not now".to_owned();
    let error = ReplyError { code: code.to_owned(), detail, retry_ms: None };
    ReplyOutcome::Refused { error }
}
