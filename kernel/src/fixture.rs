//! Fixture: short names for values, so that a test fits one line and its trace can be read.
//!
//! An id made of a small number prints as its prefix and that number (`s1`), a position of epoch 1
//! as `@5`, one of another epoch as `@2.5`.

use std::fmt::Display;

use protocol::{
    data::Data,
    id::{MessageId, ResumeToken, SessionId, Ticket},
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
    time::Timestamp,
};

use crate::message::{Audience, Message};

const PARTITION: Partition = Partition(0);

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

pub(crate) fn class(name: &str) -> DeviceClass {
    DeviceClass::parse(name).unwrap()
}

pub(crate) fn session(n: u128) -> SessionId {
    SessionId::new(PARTITION, n)
}

pub(crate) fn token(n: u128) -> ResumeToken {
    ResumeToken::new(PARTITION, n)
}

pub(crate) fn ticket(n: u128) -> Ticket {
    Ticket::new(PARTITION, n)
}

pub(crate) fn message_id(n: u128) -> MessageId {
    MessageId::new(PARTITION, n)
}

pub(crate) fn data(text: &str) -> Data {
    let raw = serde_json::value::RawValue::from_string(format!("{text:?}")).unwrap();
    Data::new(&raw).unwrap()
}

/// The message with number `seq` of epoch 1, for all sessions.
pub(crate) fn message(seq: u64) -> Message {
    Message {
        id: message_id(u128::from(seq)),
        position: Some(Position { epoch: 1, seq }),
        data: data(&format!("m{seq}")),
        at: Timestamp(0),
        from: None,
        echo_of: None,
        to: Audience::All,
        except: None,
        expires_at: None,
    }
}

/// `5` or `@5` is in epoch 1, `2.5` or `@2.5` in epoch 2.
pub(crate) fn position(text: &str) -> Position {
    let text = text.trim_start_matches('@');
    let (epoch, seq) = text.split_once('.').unwrap_or(("1", text));
    Position { epoch: epoch.parse().unwrap(), seq: seq.parse().unwrap() }
}

pub(crate) fn at(position: Position) -> String {
    match position {
        Position { epoch: 1, seq } => format!("@{seq}"),
        Position { epoch, seq } => format!("@{epoch}.{seq}"),
    }
}

/// An id of a small number, short.
pub(crate) fn short(id: impl Display) -> String {
    let id = id.to_string();
    let (prefix, digits) = id.split_at(2);
    let digits = digits[2..].trim_start_matches('0');
    format!("{}{digits}", prefix.trim_end_matches('_'))
}

/// The words of one command: its name, what stands alone, and what has a value.
#[derive(Debug)]
pub(crate) struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    pub(crate) fn of(command: &'a str) -> Self {
        Self(command.split_whitespace().collect())
    }

    pub(crate) fn nth(&self, n: usize) -> &'a str {
        self.0.get(n).unwrap_or_else(|| panic!("{:?} wants {n} more words", self.0))
    }

    /// The word after the `n`th, if it has no value of its own.
    pub(crate) fn try_nth(&self, n: usize) -> Option<&'a str> {
        self.0.get(n).copied().filter(|word| !word.contains('='))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.iter().skip(1).any(|w| *w == word)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    pub(crate) fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.value(name).map_or(otherwise, |value| value.parse().unwrap())
    }
}

/// `all`, `device:d`, `class:c` or `session:1`.
pub(crate) fn audience(text: &str) -> Audience {
    match text.split_once(':') {
        None => Audience::All,
        Some(("device", name)) => Audience::Device(device(name)),
        Some(("class", name)) => Audience::Class(class(name)),
        Some((_, n)) => Audience::Session(session(n.parse().unwrap())),
    }
}
