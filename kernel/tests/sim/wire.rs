//! Wire: frames as lines of text.

use bytes::Bytes;
use protocol::{
    frame::{Gap, GapReason, Message, ReplyOutcome, ToSession},
    id::{MessageId, ResumeToken, SessionId},
    position::Position,
};

/// What asks a device for life that does not speak `usher.v1`.
pub(crate) const CONTROL_PING: &[u8] = b"control-ping\n";

/// A frame as a device reads it.
#[derive(Debug)]
pub(crate) enum Heard {
    Welcome { session: SessionId, position: Position, token: ResumeToken, resumed: bool },
    Message(HeardMessage),
    Gap(Gap),
    CaughtUp(Position),
    Reply { reference: String, outcome: Result<MessageId, String> },
    Closing(u16),
    Ping,
    ControlPing,
    Pong,
}

/// A message as a device reads it.
#[derive(Debug)]
pub(crate) struct HeardMessage {
    pub(crate) id: MessageId,
    pub(crate) position: Option<Position>,
    pub(crate) from: String,
    pub(crate) echo_of: String,
    pub(crate) replayed: bool,
    pub(crate) data: String,
}

pub(crate) fn encode(frame: &ToSession<'_>) -> Bytes {
    let line = match frame {
        ToSession::Welcome(w) => {
            format!("welcome {} {} {} {}", w.session, w.position, w.resume, w.resumed)
        }
        ToSession::Message(message) => encode_message(message),
        ToSession::Gap(gap) => format!("gap {} {} {:?}", gap.after, gap.until, gap.reason),
        ToSession::CaughtUp(position) => format!("caught-up {position}"),
        ToSession::Reply(reply) => {
            let reference = reply.reference.as_deref().unwrap_or("-");
            match &reply.outcome {
                ReplyOutcome::Sent { id, .. } => format!("reply {reference} sent {id}"),
                ReplyOutcome::Refused { error } => {
                    format!("reply {reference} refused {}", error.code)
                }
            }
        }
        ToSession::Ping => "ping".to_owned(),
        ToSession::Pong => "pong".to_owned(),
        ToSession::Closing(closing) => format!("closing {}", closing.code),
    };
    Bytes::from(line + "\n")
}

fn encode_message(message: &Message<'_>) -> String {
    let position = message.position.map_or_else(|| "-".to_owned(), |p| p.to_string());
    let from = message.from.map_or("-", |user| user.as_str());
    let echo_of = message.echo_of.map_or("-", |user| user.as_str());
    let (id, replayed, data) = (message.id, message.replayed, message.data.as_str());
    format!("message {id} {position} {from} {echo_of} {replayed} {data}")
}

pub(crate) fn decode(line: &str) -> Heard {
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["welcome", session, position, token, resumed] => Heard::Welcome {
            session: SessionId::parse(session).unwrap(),
            position: position.parse().unwrap(),
            token: ResumeToken::parse(token).unwrap(),
            resumed: resumed == "true",
        },
        ["message", id, position, from, echo_of, replayed, data] => Heard::Message(HeardMessage {
            id: MessageId::parse(id).unwrap(),
            position: (position != "-").then(|| position.parse().unwrap()),
            from: from.to_owned(),
            echo_of: echo_of.to_owned(),
            replayed: replayed == "true",
            data: data.to_owned(),
        }),
        ["gap", after, until, reason] => Heard::Gap(Gap {
            after: after.parse().unwrap(),
            until: until.parse().unwrap(),
            reason: match reason {
                "Epoch" => GapReason::Epoch,
                "Overflow" => GapReason::Overflow,
                _ => GapReason::Expired,
            },
        }),
        ["caught-up", position] => Heard::CaughtUp(position.parse().unwrap()),
        ["reply", reference, outcome, what] => Heard::Reply {
            reference: reference.to_owned(),
            outcome: match outcome {
                "sent" => Ok(MessageId::parse(what).unwrap()),
                _ => Err(what.to_owned()),
            },
        },
        ["closing", code] => Heard::Closing(code.parse().unwrap()),
        ["ping"] => Heard::Ping,
        ["control-ping"] => Heard::ControlPing,
        ["pong"] => Heard::Pong,
        _ => panic!("a cut frame: {line}"),
    }
}
