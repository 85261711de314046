//! Wire: frames as lines of text, and the socket that carries them, fast or slow.

use bytes::Bytes;
use kernel::{message::Fenced, shard::Slot};
use protocol::{
    frame::{Gap, GapReason, ToSession},
    id::{MessageId, ResumeToken, SessionId},
    position::Position,
};

/// A frame as a device reads it.
#[derive(Debug)]
pub(crate) enum Seen {
    Welcome { session: SessionId, position: Position, token: ResumeToken, resumed: bool },
    Message { id: MessageId, position: Option<Position> },
    Gap(Gap),
    CaughtUp(Position),
    Closing,
    Ping,
    Other,
}

pub(crate) fn encode(frame: &ToSession<'_>) -> Bytes {
    let line = match frame {
        ToSession::Welcome(w) => {
            format!("welcome {} {} {} {}", w.session, w.position, w.resume, w.resumed)
        }
        ToSession::Message(m) => {
            let position =
                m.position.map_or_else(|| "-".to_owned(), |position| position.to_string());
            format!("message {} {position} {}", m.id, m.data.as_str())
        }
        ToSession::Gap(gap) => format!("gap {} {} {:?}", gap.after, gap.until, gap.reason),
        ToSession::CaughtUp(position) => format!("caught-up {position}"),
        ToSession::Reply(_) => "reply".to_owned(),
        ToSession::Ping => "ping".to_owned(),
        ToSession::Pong => "pong".to_owned(),
        ToSession::Closing(_) => "closing".to_owned(),
    };
    Bytes::from(line + "\n")
}

pub(crate) fn decode(line: &str) -> Seen {
    let words: Vec<_> = line.split(' ').collect();
    match words[0] {
        "welcome" => Seen::Welcome {
            session: SessionId::parse(words[1]).unwrap(),
            position: words[2].parse().unwrap(),
            token: ResumeToken::parse(words[3]).unwrap(),
            resumed: words[4] == "true",
        },
        "message" => Seen::Message {
            id: MessageId::parse(words[1]).unwrap(),
            position: (words[2] != "-").then(|| words[2].parse().unwrap()),
        },
        "gap" => Seen::Gap(Gap {
            after: words[1].parse().unwrap(),
            until: words[2].parse().unwrap(),
            reason: match words[3] {
                "Epoch" => GapReason::Epoch,
                "Overflow" => GapReason::Overflow,
                _ => GapReason::Expired,
            },
        }),
        "caught-up" => Seen::CaughtUp(words[1].parse().unwrap()),
        "closing" => Seen::Closing,
        "ping" => Seen::Ping,
        "reply" | "pong" => Seen::Other,
        _ => panic!("a cut frame: {line}"),
    }
}

/// Where a socket ends at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) node: usize,
    /// In which of the node's lives.
    pub(crate) life: u64,
    pub(crate) shard: usize,
    pub(crate) slot: Slot,
}

/// Whether the server still has a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Closed with this code.
    Closed(u16),
    /// Closed in the midst of what the network did not take.
    Cut,
}

/// One socket, as server, network and device have it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) device: usize,
    pub(crate) place: Place,
    pub(crate) fenced: Fenced,
    /// How much the network takes before it stalls.
    pub(crate) room: usize,
    /// What is on its way to the device.
    pub(crate) wire: Vec<u8>,
    pub(crate) state: State,
    /// The device is gone; the server will notice.
    pub(crate) gone: bool,
    pub(crate) was_welcomed: bool,
}

impl Socket {
    /// Tells how much the network took.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> usize {
        let took = bytes.len().min(self.room);
        if self.room != usize::MAX {
            self.room -= took;
        }
        self.wire.extend_from_slice(&bytes[..took]);
        took
    }

    /// The next whole frame that arrived.
    pub(crate) fn read(&mut self) -> Option<String> {
        let end = self.wire.iter().position(|byte| *byte == b'\n')?;
        let line = self.wire.drain(..=end).take(end).collect();
        Some(String::from_utf8(line).unwrap())
    }
}
