//! Word: the short texts that stand for something, in paths, queries, headers and fields.
//!
//! Each has one form only. So what is read is written as it came, byte for byte, also through JSON,
//! and what can be made can be read. Secrets do not show where people look.

use std::fmt::{Debug, Display};

use protocol::{
    grant::Origin,
    id::{MessageId, ResumeToken, SessionId, Ticket},
    limit,
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
    suggest,
    target::Target,
};
use serde::{Serialize, de::DeserializeOwned};

/// What must hold of ids, names, positions, targets and origins.
pub fn check(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        read(text);
    }
    if let Some((bits, rest)) = input.split_first_chunk()
        && let Some((partition, rest)) = rest.split_first()
    {
        ids(Partition(*partition), u128::from_le_bytes(*bits));
        if let Some(seq) = rest.first_chunk() {
            let [epoch, _] = [0, 8].map(|at| bits[at..].first_chunk().copied().unwrap_or_default());
            position(u64::from_le_bytes(epoch), u64::from_le_bytes(*seq));
        }
    }
}

/// What can be read is written as it came.
fn read(text: &str) {
    same(text, Ticket::parse(text).ok());
    same(text, ResumeToken::parse(text).ok());
    same(text, SessionId::parse(text).ok());
    same(text, MessageId::parse(text).ok());
    same(text, text.parse::<Position>().ok());
    same(text, Target::parse(text).ok());
    same(text, Origin::parse(text).ok());
    same(text, UserId::parse(text).ok());
    same(text, DeviceId::parse(text).ok());
    same(text, DeviceClass::parse(text).ok());
    if let Ok(user) = UserId::parse(text) {
        let length = user.as_str().len();
        assert!((1..=limit::NAME_BYTES_MAX).contains(&length), "{length} bytes");
        assert!(!user.as_str().contains(char::is_control));
    }
    if let Ok(origin) = Origin::parse(text) {
        let text = origin.as_str();
        assert!(text.len() <= limit::ORIGIN_BYTES_MAX);
        assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"?#@,*".contains(&b)), "{text}");
        assert_eq!(text.matches('/').count(), 2, "there is no path");
    }
    let near = suggest::nearest(text, ["user", "device_class", "max_age"]);
    assert!(near.is_none_or(|near| near.len().abs_diff(text.chars().count()) <= near.len() / 3));
}

/// What can be made can be read.
fn ids(partition: Partition, bits: u128) {
    let (ticket, token) = (Ticket::new(partition, bits), ResumeToken::new(partition, bits));
    assert_eq!(Ticket::parse(&ticket.to_string()), Ok(ticket));
    assert_eq!(ResumeToken::parse(&token.to_string()), Ok(token));
    assert_eq!((format!("{ticket:?}"), format!("{token:?}")), ("t_…".into(), "r_…".into()));
    assert_eq!((ticket.partition(), token.partition()), (partition, partition));
    let (session, message) = (SessionId::new(partition, bits), MessageId::new(partition, bits));
    assert_eq!(SessionId::parse(&session.to_string()), Ok(session));
    assert_eq!(MessageId::parse(&message.to_string()), Ok(message));
    // One kind is never taken for another.
    let text = ticket.to_string();
    let others = [ResumeToken::parse(&text).is_ok(), SessionId::parse(&text).is_ok()];
    assert_eq!(others, [false, false]);
}

fn position(epoch: u64, seq: u64) {
    let made = Position { epoch, seq };
    let text = made.to_string();
    assert!(text.len() <= limit::POSITION_BYTES_MAX);
    assert_eq!(text.parse(), Ok(made));
}

/// Whether a value is the text that it was made of, also through JSON.
fn same<T>(text: &str, value: Option<T>)
where
    T: Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let json = serde_json::to_string(text).expect("every str is a JSON string");
    let read: Option<T> = serde_json::from_str(&json).ok();
    assert_eq!(read, value, "JSON reads as the text is read");
    if let Some(value) = value {
        assert_eq!(value.to_string(), text);
        assert_eq!(serde_json::to_string(&value).ok(), Some(json));
    }
}
