//! Wire: how envelopes and messages are written for other nodes, and read again.
//!
//! The script that numbers a message writes the line that only it knows: position, time, end, and
//! whom `active` meant. What an app said follows as it came. A stream keeps the same text that
//! envelopes carry.

use std::sync::Arc;

use kernel::{
    message::{Audience, End, Envelope, Fence, Fenced, Message, Notice},
    registry::{Draft, Receipt},
};
use protocol::{
    close::CloseCode,
    data::Data,
    frame::By,
    id::{MessageId, SessionId},
    name::{DeviceId, UserId},
    position::Position,
    target::Target,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    kept::{number, read, write},
    link::Fault,
};

/// What arrives at a node.
#[derive(Debug)]
pub(super) enum Arrival {
    /// One of those that are counted.
    Counted(u64, Mail),
    /// What the node sent to itself, to see whether it comes.
    Proof(u64),
    /// Somebody let go of a session in the node's name.
    Gone(Fenced),
    /// The node is asked to go away.
    Leave,
}

/// What a node is sent.
#[derive(Debug)]
pub(super) enum Mail {
    /// It concerns one user.
    Envelope(Envelope),
    /// A message to everyone.
    Broadcast(Arc<Message>),
    /// It cannot be read: another version wrote it, or it is not ours.
    Foreign,
}

/// What of a message is known before it is numbered.
#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    id: MessageId,
    data: Data,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    echo_of: Option<UserId>,
    to: Target,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except: Option<SessionId>,
}

/// A notice that is no message.
#[derive(Serialize, Deserialize)]
struct Word {
    user: UserId,
    sessions: Vec<(SessionId, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<(SessionId, Option<DeviceId>, Timestamp)>,
}

/// What a draft says, for the script that numbers it.
pub(super) fn body(user: &UserId, draft: &Draft) -> String {
    write(&Body {
        user: Some(user.clone()),
        id: draft.id,
        data: draft.data.clone(),
        from: draft.from.clone(),
        echo_of: draft.echo_of.clone(),
        to: draft.to.clone(),
        except: draft.except,
    })
}

/// A message to everyone.
pub(super) fn broadcast(message: &Message) -> String {
    let body = Body {
        user: None,
        id: message.id,
        data: message.data.clone(),
        from: message.from.clone(),
        echo_of: message.echo_of.clone(),
        to: match &message.to {
            Audience::All => Target::All,
            Audience::Device(device) => Target::Device(device.clone()),
            Audience::Class(class) => Target::Class(class.clone()),
            Audience::Session(session) => Target::Session(*session),
        },
        except: message.except,
    };
    let expires = message.expires_at.map_or(0, |at| at.0);
    format!("0 0 {} {expires} -\n{}", message.at.0, write(&body))
}

/// A message with its user, where it has one.
pub(super) fn message(text: &str) -> Result<(Option<UserId>, Message), Fault> {
    let (line, body) = text.split_once('\n').ok_or(Fault::Foreign)?;
    let words: Vec<&str> = line.split(' ').collect();
    let [epoch, seq, at, expires, active] = words[..] else { return Err(Fault::Foreign) };
    let body: Body = read(body)?;
    let position = Position { epoch: number(epoch)?, seq: number(seq)? };
    let expires = number(expires)?;
    let to = match body.to {
        Target::All => Audience::All,
        Target::Device(device) => Audience::Device(device),
        Target::Class(class) => Audience::Class(class),
        Target::Session(session) => Audience::Session(session),
        Target::Active => Audience::Session(SessionId::parse(active).or(Err(Fault::Foreign))?),
    };
    let message = Message {
        id: body.id,
        position: (position != Position::default()).then_some(position),
        data: body.data,
        at: Timestamp(number(at)?),
        from: body.from,
        echo_of: body.echo_of,
        to,
        except: body.except,
        expires_at: (expires != 0).then_some(Timestamp(expires)),
    };
    Ok((body.user, message))
}

/// A notice that a step sends; what it is, and the rest.
pub(super) fn notice(envelope: &Envelope) -> String {
    let word = |sessions: &[Fenced], end: Option<&End>| {
        let by = end.and_then(|end| end.by.as_ref());
        write(&Word {
            user: envelope.user.clone(),
            sessions: sessions.iter().map(|one| (one.session, one.fence.0)).collect(),
            code: end.map(|end| end.code.number()),
            by: by.map(|by| (by.session, by.device.clone(), by.at)),
        })
    };
    match &envelope.notice {
        Notice::End { sessions, end } => format!("e{}", word(sessions, Some(end))),
        Notice::Probe(sessions) => format!("p{}", word(sessions, None)),
        Notice::Probed(fenced) => format!("a{}", word(&[*fenced], None)),
        Notice::Message(_) | Notice::Behind(_) => {
            unreachable!("steps that go through the rules send nothing of a stream")
        }
    }
}

/// What a node is sent that is asked to go away.
pub(super) const LEAVE: &str = "leave";

/// What a node sends to itself.
pub(super) fn proof(number: u64) -> String {
    format!("{number} ?")
}

/// The number of what a node sent to itself, if that is what it is.
pub(super) fn proof_of(text: &[u8]) -> Option<u64> {
    str::from_utf8(text.strip_suffix(b" ?")?).ok()?.parse().ok()
}

/// The number of what is counted.
pub(super) fn count_of(text: &[u8]) -> Option<u64> {
    let mut words = text.splitn(2, |byte| *byte == b' ');
    let (count, rest) = (words.next()?, words.next()?);
    let is_counted = !matches!(rest, [b'?'] | [b'-', ..]);
    str::from_utf8(count).ok().filter(|_| is_counted)?.parse().ok()
}

/// What a node is told of a session that another let go of in its name. It is not counted: that
/// the session is gone shows anyway.
pub(super) fn gone(fenced: Fenced) -> String {
    format!("{} -{}", fenced.fence.0, fenced.session)
}

/// Reads what arrived.
pub(super) fn arrival(text: &str) -> Result<Arrival, Fault> {
    if text == LEAVE {
        return Ok(Arrival::Leave);
    }
    let (count, rest) = text.split_once(' ').ok_or(Fault::Foreign)?;
    let count = number(count)?;
    if rest == "?" {
        return Ok(Arrival::Proof(count));
    }
    if let Some(session) = rest.strip_prefix('-') {
        let session = SessionId::parse(session).or(Err(Fault::Foreign))?;
        return Ok(Arrival::Gone(Fenced { session, fence: Fence(count) }));
    }
    // Foreign or not, it was counted.
    Ok(Arrival::Counted(count, mail(rest).unwrap_or(Mail::Foreign)))
}

fn mail(text: &str) -> Result<Mail, Fault> {
    let kind = text.chars().next().ok_or(Fault::Foreign)?;
    let rest = &text[kind.len_utf8()..];
    let notice = match kind {
        'x' => return Ok(Mail::Broadcast(Arc::new(message(rest)?.1))),
        'm' => {
            let (user, message) = message(rest)?;
            let user = user.ok_or(Fault::Foreign)?;
            return Ok(Mail::Envelope(Envelope {
                user,
                notice: Notice::Message(Arc::new(message)),
            }));
        }
        'e' | 'p' | 'a' => read::<Word>(rest)?,
        _ => return Err(Fault::Foreign),
    };
    let Word { user, sessions, code, by } = notice;
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|(session, fence)| Fenced { session, fence: Fence(fence) })
        .collect();
    let notice = match kind {
        'e' => {
            let code = code.and_then(CloseCode::from_number).ok_or(Fault::Foreign)?;
            let by = by.map(|(session, device, at)| By { session, device, at });
            Notice::End { sessions, end: End { code, by } }
        }
        'p' => Notice::Probe(sessions),
        _ => Notice::Probed(*sessions.first().ok_or(Fault::Foreign)?),
    };
    Ok(Mail::Envelope(Envelope { user, notice }))
}

/// Reads what a script says of a message that it accepted.
pub(super) fn receipt(text: &str, replayed: bool) -> Result<Receipt, Fault> {
    let words: Vec<&str> = text.split(' ').collect();
    let [id, epoch, seq, live, parked] = words[..] else { return Err(Fault::Foreign) };
    let position = Position { epoch: number(epoch)?, seq: number(seq)? };
    let count = |text: &str| text.parse().or(Err(Fault::Foreign));
    Ok(Receipt {
        id: MessageId::parse(id).or(Err(Fault::Foreign))?,
        position: (position != Position::default()).then_some(position),
        live: count(live)?,
        parked: count(parked)?,
        replayed,
    })
}
