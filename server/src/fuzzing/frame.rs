//! Frame: text as a session writes it, and what the server writes when it has read it.
//!
//! What is taken can be written down again and is read as the same. What is refused is told in a
//! sentence of bounded length, under the `ref` that it came with. Both leave as frames that another
//! JSON parser understands.

use protocol::{
    data::Data,
    frame::{
        self, FromSession, Invalid, Message, Received, Reply, ReplyError, ReplyOutcome, SendFrame,
        ToSession, Unread,
    },
    id::MessageId,
    limit,
    name::UserId,
    partition::Partition,
    position::Position,
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{json, oracle};
use crate::ws;

/// The keys that mean something; of others there may be any number.
const KEYS: [&str; 10] =
    ["type", "ref", "user", "data", "to", "volatile", "ttl", "echo", "key", "position"];

const ID: MessageId = MessageId::new(Partition(0xa4), 7);

/// What must hold of text from a session.
pub fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match frame::read(text) {
        Ok(received) => taken(text, &received),
        Err(unread) => refused(text, unread),
    }
}

fn taken(text: &str, received: &Received) {
    let keys = json::keys(text).expect("a frame is an object");
    for known in KEYS {
        assert!(keys.iter().filter(|key| *key == known).count() <= 1, "{known} is there twice");
    }
    let again = written(received);
    assert_eq!(frame::read(&again).as_ref(), Ok(received), "{again}");
    if let FromSession::Send(send) = &received.frame {
        assert!(json::is_json(send.data.as_str()));
        assert!(send.data.len() <= limit::DATA_BYTES_MAX);
        let depth = json::depth(send.data.as_str());
        assert!(depth.is_none_or(|depth| depth <= limit::DATA_DEPTH_MAX), "{depth:?}");
        deliver(send);
    }
    reply(&Reply {
        reference: received.reference.clone(),
        outcome: ReplyOutcome::Sent { id: ID, echoed: None },
    });
}

fn refused(text: &str, unread: Unread) {
    let Unread { invalid, reference, detail } = unread;
    assert!(detail.len() <= limit::DETAIL_BYTES_MAX, "{} bytes of detail", detail.len());
    if !json::is_json(text) {
        // A key that is there twice may come before what is no JSON.
        assert_ne!(invalid, Invalid::Field);
    }
    if let Some(keys) = json::keys(text) {
        let is_twice = |known| keys.iter().filter(|key| *key == known).count() > 1;
        let (any_twice, has_type) =
            (KEYS.into_iter().any(is_twice), keys.iter().any(|key| key == "type"));
        assert!(invalid == Invalid::Frame || !any_twice, "{detail}");
        assert!(invalid != Invalid::Frame || any_twice || !has_type, "{detail}");
    }
    let error = ReplyError { code: invalid.name().to_owned(), detail, retry_ms: None };
    reply(&Reply { reference, outcome: ReplyOutcome::Refused { error } });
}

/// The frame as a session would write it.
fn written(received: &Received) -> String {
    let mut data = None;
    let mut fields = match &received.frame {
        FromSession::Send(send) => {
            let SendFrame { user, data: said, to, volatile, ttl, echo, key } = &**send;
            data = Some(said.as_str());
            let ttl = ttl.map(|ttl| ttl.as_secs());
            json!({
                "type": "send", "user": user, "to": to, "volatile": volatile, "ttl": ttl,
                "echo": echo, "key": key,
            })
        }
        FromSession::Active => json!({ "type": "active" }),
        FromSession::Ack(position) => json!({ "type": "ack", "position": position }),
        FromSession::Ping => json!({ "type": "ping" }),
        FromSession::Pong => json!({ "type": "pong" }),
        FromSession::Leave => json!({ "type": "leave" }),
        FromSession::Unknown => json!({ "type": "dance" }),
    };
    fields["ref"] = json!(received.reference);
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let frame = fields.to_string();
    // By hand, since it may have numbers that no value can hold.
    match data {
        Some(data) => format!("{},\"data\":{data}}}", &frame[..frame.len() - 1]),
        None => frame,
    }
}

/// A message as another parser reads it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered<'a> {
    r#type: &'a str,
    id: MessageId,
    position: Option<Position>,
    #[serde(borrow)]
    data: &'a RawValue,
    at: Timestamp,
    from: Option<UserId>,
    echo: Option<bool>,
    user: Option<UserId>,
    replayed: Option<bool>,
}

/// Writes what came to its recipient, and to the sender's other sessions.
fn deliver(send: &SendFrame) {
    let (user, data): (&UserId, &Data) = (&send.user, &send.data);
    let (position, at) = (Position { epoch: u64::MAX, seq: 1 }, Timestamp(1_790_000_000_000));
    let live = Message {
        id: ID,
        position: None,
        data,
        at,
        from: Some(user),
        echo_of: None,
        replayed: false,
    };
    let echo = Message {
        position: Some(position),
        echo_of: Some(user),
        replayed: true,
        from: None,
        ..live
    };
    for message in [live, echo] {
        let text = sent(&ToSession::Message(message));
        let got: Delivered<'_> = serde_json::from_str(&text).expect("it is what is documented");
        assert_eq!((got.r#type, got.id, got.at), ("message", ID, at));
        assert_eq!(got.data.get(), data.as_str(), "data is passed on byte for byte");
        assert_eq!(got.position, message.position);
        assert_eq!((got.from.as_ref(), got.user.as_ref()), (message.from, message.echo_of));
        assert_eq!(got.echo, message.echo_of.map(|_| true));
        assert_eq!(got.replayed, message.replayed.then_some(true));
    }
}

fn reply(reply: &Reply) {
    let text = sent(&ToSession::Reply(reply));
    let got: Reply = serde_json::from_str(&text).expect("a reply can be read");
    assert_eq!(&got, reply);
}

/// The text of a frame as it goes to the socket.
fn sent(frame: &ToSession<'_>) -> String {
    let bytes = ws::encode(frame);
    let (opcode, payload) = oracle::written(&bytes);
    assert_eq!(opcode, 0x1, "frames are text");
    String::from_utf8(payload.to_vec()).expect("text is UTF-8")
}
